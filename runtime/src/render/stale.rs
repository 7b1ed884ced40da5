//! Where the depth that is at hand may not hold any more.

use super::blocks::Blocks;
use super::depth::DepthMap;
use super::level::Level;
use super::sweep::Other;
use super::viewpoint::Spot;

/// Pixels from one that is asked about to the next.
const EVERY: usize = 2;
/// Views that are enough for a depth if they see the point as before: what is before it in another one does not count.
const ENOUGH: usize = 2;

impl Level {
    /// Fills `stale` with the blocks whose depth is to be found: all, where no depth is `kept`; else those that changed
    /// and what is around them, those that are not seen as before by enough of `others` where the depth at hand places
    /// them, and those that were taken in in turn. Why not all that any depth may place on a change: where a point looks
    /// as before, its depth fits as well as before.
    pub(super) fn find_stale(
        &self,
        kept: Option<&DepthMap>,
        others: &[Other<'_>],
        (stale, spare): (&mut Blocks, &mut Blocks),
    ) {
        stale.clear();
        stale.add(&self.changed);
        let Some(map) = kept else { return stale.mark_all() };
        stale.grow(spare);
        for (columns, rows, stale) in stale.each() {
            let pixels = rows
                .step_by(EVERY)
                .flat_map(|row| columns.clone().step_by(EVERY).map(move |column| (column, row)));
            *stale = *stale || { pixels }.any(|(column, row)| {
                let nearness = map.nearness[row * self.columns + column];
                let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
                !holds(Spot { x, y, nearness }, others)
            });
        }
        stale.add(&self.taken);
    }

    /// Whether the block at column `x` and row `y`, which count from the edges, changed; none outside.
    fn changed_at(&self, x: f32, y: f32) -> Option<bool> {
        let inside = x >= 0.0 && y >= 0.0 && x < self.columns as f32 && y < self.rows as f32;
        inside.then(|| self.changed.has(x as usize, y as usize))
    }
}

/// Whether enough of `others` see a point as before, of those that see it.
fn holds(spot: Spot, others: &[Other<'_>]) -> bool {
    let changed = others.iter().filter_map(|(other, way)| {
        let there = way.at(spot)?;
        other.changed_at(there.x, there.y)
    });
    let (seen, alike) =
        changed.fold((0, 0), |(seen, alike), changed| (seen + 1, alike + usize::from(!changed)));
    alike >= seen.min(ENOUGH)
}
