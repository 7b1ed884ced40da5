//! Items made ahead of who takes them: runs of items on a few threads, each run in order.
//!
//! ```text
//!             ┌─ orders ─► lane ─┐
//! who takes ──┤                  ├─ a queue per run ─► who takes
//!             └─ orders ─► lane ─┘
//! ```
//! A run is on one lane for all its life. A lane makes no item that it has no leave for, and an item that is taken
//! gives leave for another: so no queue overflows, a lane waits for orders alone, and what is due is never behind
//! what nobody takes. `tests/interleavings.rs` checks this file under orders of its own choice.

use super::sync::{Builder, JoinHandle, Receiver, Sender, TryRecvError, bounded, give_way};
use crate::error::{Error, Result};

/// Items in order, made by what a lane has for it.
pub trait Run<By>: Send + 'static {
    /// What is made.
    type Item: Send + 'static;

    /// Of two runs with the same key on a lane, the later begins when the earlier is over.
    fn key(&self) -> usize;

    /// The next item; none behind the last.
    fn make(&mut self, by: &mut By) -> Option<Result<Self::Item>>;

    /// Makes no more, having been asked for an item.
    fn end(self, by: &mut By);
}

/// What a lane is told.
enum Order<R, Item> {
    Begin(Making<R, Item>),
    /// Leave for so many more items of a run.
    More(u64, usize),
    /// Nobody takes its items any more.
    Drop(u64),
    /// Nobody takes any.
    Leave,
}

/// A run at its lane.
struct Making<R, Item> {
    id: u64,
    run: R,
    /// Whether an item was asked of it.
    begun: bool,
    /// When its next item is due, in items.
    due: u64,
    /// Items that it may make.
    leave: usize,
    to: Sender<Result<Item>>,
}

/// Orders that may wait. A lane at work takes them after its item, so any number would do.
const ORDERS: usize = 64;

/// Threads that make items.
pub struct Lanes<R, Item>(Vec<Lane<R, Item>>);

struct Lane<R, Item> {
    orders: Sender<Order<R, Item>>,
    thread: Option<JoinHandle<()>>,
    /// Runs begun.
    begun: u64,
}

/// Items of a run, for who takes them.
pub struct Items<R, Item> {
    id: u64,
    lane: usize,
    orders: Sender<Order<R, Item>>,
    made: Receiver<Result<Item>>,
}

impl<R, Item: Send + 'static> Lanes<R, Item> {
    /// A lane for each of `by`.
    ///
    /// # Errors
    /// [`Error::Backend`] when the system refuses a thread.
    pub fn start<By>(name: &'static str, by: Vec<By>) -> Result<Self>
    where
        By: Send + 'static,
        R: Run<By, Item = Item>,
    {
        let lane = |by| -> Result<Lane<R, Item>> {
            let (orders, from) = bounded(ORDERS);
            let thread = Builder::new().name(format!("iev-{name}"));
            let thread = thread.spawn(move || work(&from, by));
            let refused = |e| Error::Backend { what: format!("no thread for a {name}: {e}") };
            Ok(Lane { orders, thread: Some(thread.map_err(refused)?), begun: 0 })
        };
        by.into_iter().map(lane).collect::<Result<_>>().map(Self)
    }

    /// Begins `run` on a lane, counting lanes around. Its first item is due at `due`; it has leave for `leave`
    /// items and never for more than `most` that are not taken.
    pub fn begin(
        &mut self,
        place: usize,
        run: R,
        due: u64,
        (leave, most): (usize, usize),
    ) -> Items<R, Item> {
        let lane = place % self.0.len();
        let Lane { orders, begun, .. } = &mut self.0[lane];
        let (to, made) = bounded(most);
        *begun += 1;
        let id = *begun;
        // A lane that is gone has panicked, which whoever takes an item finds.
        let _ = orders.send(Order::Begin(Making { id, run, begun: false, due, leave, to }));
        Items { id, lane, orders: orders.clone(), made }
    }

    /// The next item of a run that has one.
    ///
    /// # Errors
    /// The item's; it is the last then.
    ///
    /// # Panics
    /// If the lane panicked: its panic goes on here. If the run has no further item.
    pub fn take(&mut self, items: &Items<R, Item>) -> Result<Item> {
        let Ok(item) = items.made.recv() else { self.panic(items.lane) };
        items.more(1);
        item
    }

    fn panic(&mut self, lane: usize) -> ! {
        let Lane { orders, thread, .. } = &mut self.0[lane];
        let _ = orders.send(Order::Leave);
        match thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => panic!("a run has the items that are taken"),
        }
    }
}

impl<R, Item> Drop for Lanes<R, Item> {
    fn drop(&mut self) {
        for Lane { orders, .. } in &self.0 {
            let _ = orders.send(Order::Leave);
        }
        for thread in self.0.iter_mut().filter_map(|lane| lane.thread.take()) {
            let _ = thread.join();
        }
    }
}

impl<R, Item> Items<R, Item> {
    /// Gives leave for so many more items.
    pub fn more(&self, items: usize) {
        let _ = self.orders.send(Order::More(self.id, items));
    }
}

impl<R, Item> Drop for Items<R, Item> {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Drop(self.id));
    }
}

/// A lane: follows orders, and makes what is due first while there are none.
fn work<By, R: Run<By>>(orders: &Receiver<Order<R, R::Item>>, mut by: By) {
    give_way();
    let mut runs: Vec<Making<R, R::Item>> = Vec::new();
    loop {
        let next = due_first::<By, R>(&runs);
        let order = match next {
            Some(_) => orders.try_recv(),
            None => orders.recv().map_err(|_| TryRecvError::Disconnected),
        };
        let over = match order {
            Ok(Order::Begin(run)) => {
                runs.push(run);
                None
            }
            Ok(Order::More(id, items)) => {
                if let Some(run) = runs.iter_mut().find(|run| run.id == id) {
                    run.leave += items;
                }
                None
            }
            Ok(Order::Drop(id)) => runs.iter().position(|run| run.id == id),
            Ok(Order::Leave) | Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => next.filter(|next| runs[*next].make(&mut by)),
        };
        if let Some(over) = over {
            let over = runs.remove(over);
            // One of the same key may be under way where this one never was.
            if over.begun {
                over.run.end(&mut by);
            }
        }
    }
}

/// The run whose item is due first, of those that may make one and are not behind another of their key.
fn due_first<By, R: Run<By>>(runs: &[Making<R, R::Item>]) -> Option<usize> {
    let behind = |at: usize| runs[..at].iter().any(|run| run.run.key() == runs[at].run.key());
    let may = (0..runs.len()).filter(|at| runs[*at].leave > 0 && !behind(*at));
    may.min_by_key(|at| runs[*at].due)
}

impl<R, Item> Making<R, Item> {
    /// Makes an item; whether the run is over.
    fn make<By>(&mut self, by: &mut By) -> bool
    where
        R: Run<By, Item = Item>,
    {
        self.begun = true;
        let Some(item) = self.run.make(by) else { return true };
        (self.due, self.leave) = (self.due + 1, self.leave - 1);
        let last = item.is_err();
        self.to.send(item).is_err() || last
    }
}
