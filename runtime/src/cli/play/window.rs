//! The window: events in, pixels out.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Instant;

use iev_runtime::{Error, Result};
use softbuffer::{Context, Surface};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, KeyEvent, MouseButton, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, OwnedDisplayHandle};
use winit::window::{Window, WindowId};

use super::canvas::Canvas;
use super::head::{Head, Place};
use super::keys::Wish;
use super::screening::{Brought, Screening};
use super::text;
use crate::cli::Failure;
use crate::cli::statistics::Deadlines;

/// Rows of a window for each pixel of a letter's dot.
const ROWS_PER_DOT: usize = 360;

/// Shows `screening` until its end or until the window is closed; what its ticks showed.
pub(super) fn show(screening: Screening<'_>, name: &str) -> Result<Deadlines, Failure> {
    let events = EventLoop::new().map_err(|e| no_window(&e))?;
    let context = Context::new(events.owned_display_handle()).map_err(|e| no_window(&e))?;
    let header = screening.player.header();
    let mut show = Show {
        canvas: Canvas::new(header),
        head: Head::new(screening.cameras(), header.views.len()),
        name: name.to_owned(),
        title: String::new(),
        statistics: false,
        cursor: [0.0; 2],
        drag: None,
        surface: None,
        due: Some(Instant::now()),
        failure: None,
        context,
        screening,
    };
    events.run_app(&mut show).map_err(|e| no_window(&e))?;
    show.failure.map_or_else(|| Ok(show.screening.deadlines()), |error| Err(error.into()))
}

fn no_window(why: &dyn std::fmt::Display) -> Error {
    let what = format!(
        "no window opens here: {why}; play where DISPLAY names an X server, or pipe the pictures to a player that shows \
         them, as by iev decode STREAM -v 0 -o - | mpv -"
    );
    Error::Backend { what }
}

type Pixels = Surface<OwnedDisplayHandle, Rc<Window>>;

struct Show<'p> {
    screening: Screening<'p>,
    canvas: Canvas,
    head: Head,
    name: String,
    /// As it stands above the window.
    title: String,
    /// Whether they are written over the picture.
    statistics: bool,
    /// Where the mouse is, in pixels.
    cursor: [f64; 2],
    drag: Option<Drag>,
    surface: Option<(Rc<Window>, Pixels)>,
    context: Context<OwnedDisplayHandle>,
    /// When to look for what comes next; not while the clock stands.
    due: Option<Instant>,
    failure: Option<Error>,
}

/// A held mouse button.
struct Drag {
    from: [f64; 2],
    head: Place,
}

impl ApplicationHandler for Show<'_> {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        let opened = self.open(events);
        self.end_on_failure(opened, events);
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let done = match event {
            WindowEvent::CloseRequested => {
                events.exit();
                Ok(())
            }
            WindowEvent::RedrawRequested => self.draw(),
            WindowEvent::KeyboardInput {
                event: KeyEvent { logical_key, state: ElementState::Pressed, .. },
                ..
            } => Wish::of(&logical_key).map_or(Ok(()), |wish| self.grant(wish, events)),
            WindowEvent::CursorMoved { position, .. } => {
                self.cursor = [position.x, position.y];
                self.turn()
            }
            WindowEvent::MouseInput { state, button: MouseButton::Left, .. } => {
                let pressed = state == ElementState::Pressed;
                let drag = || Drag { from: self.cursor, head: self.screening.place() };
                self.drag = pressed.then(drag);
                Ok(())
            }
            _ => Ok(()),
        };
        self.end_on_failure(done, events);
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        if events.exiting() {
            return;
        }
        if self.due.is_some_and(|due| due <= Instant::now()) {
            let ticked = self.tick(events);
            self.end_on_failure(ticked, events);
        }
        events.set_control_flow(self.due.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}

impl Show<'_> {
    fn open(&mut self, events: &ActiveEventLoop) -> Result<()> {
        if self.surface.is_some() {
            return Ok(());
        }
        let (width, height) = self.canvas.natural_size(self.screening.views().len());
        let size = PhysicalSize::new(width as u32, height as u32);
        let attributes = Window::default_attributes().with_title(&self.name).with_inner_size(size);
        let window = Rc::new(events.create_window(attributes).map_err(|e| no_window(&e))?);
        let pixels = Surface::new(&self.context, Rc::clone(&window)).map_err(|e| no_window(&e))?;
        self.surface = Some((window, pixels));
        Ok(())
    }

    fn tick(&mut self, events: &ActiveEventLoop) -> Result<()> {
        match self.screening.tick()? {
            Brought::Nothing => {}
            Brought::Pictures => self.redraw(),
            Brought::End => events.exit(),
        }
        self.due = self.screening.next_tick();
        Ok(())
    }

    fn grant(&mut self, wish: Wish, events: &ActiveEventLoop) -> Result<()> {
        match wish {
            Wish::Close => events.exit(),
            Wish::Statistics => self.statistics = !self.statistics,
            _ => self.screening.grant(wish)?,
        }
        self.due = self.screening.next_tick();
        self.redraw();
        Ok(())
    }

    /// Moves the head to where the mouse has led it.
    fn turn(&mut self) -> Result<()> {
        let (Some(drag), Some((window, _))) = (&self.drag, &self.surface) else { return Ok(()) };
        let sides: [u32; 2] = window.inner_size().into();
        let part =
            |axis: usize| (self.cursor[axis] - drag.from[axis]) / f64::from(sides[axis].max(1));
        let place = self.head.moved(drag.head, [part(0), part(1)]);
        self.screening.go(place)?;
        self.due = self.screening.next_tick();
        self.redraw();
        Ok(())
    }

    /// Asks for a picture, and says above the window what it is of.
    fn redraw(&mut self) {
        let Some((window, _)) = &self.surface else { return };
        let title = format!("{}: {}", self.name, self.screening.in_words());
        if self.title != title {
            window.set_title(&title);
            self.title = title;
        }
        window.request_redraw();
    }

    fn draw(&mut self) -> Result<()> {
        let Some((window, surface)) = &mut self.surface else { return Ok(()) };
        if self.screening.shown().is_none() {
            return Ok(());
        }
        let [width, height] = <[u32; 2]>::from(window.inner_size()).map(NonZeroU32::new);
        let (Some(width), Some(height)) = (width, height) else { return Ok(()) };
        surface.resize(width, height).map_err(|e| no_window(&e))?;
        let mut pixels = surface.buffer_mut().map_err(|e| no_window(&e))?;
        let columns = width.get() as usize;
        if let Some(seen) = self.screening.seen() {
            self.canvas.draw_one(seen, &mut pixels, columns);
        } else if let Some(shown) = self.screening.shown() {
            self.canvas.draw(shown, self.screening.views(), &mut pixels, columns);
        }
        if self.statistics {
            let dot = (height.get() as usize / ROWS_PER_DOT).max(1);
            text::write(&self.screening.statistics(), &mut pixels, columns, dot);
        }
        pixels.present().map_err(|e| no_window(&e))
    }

    fn end_on_failure(&mut self, done: Result<()>, events: &ActiveEventLoop) {
        if let Err(error) = done {
            self.failure.get_or_insert(error);
            events.exit();
        }
    }
}
