//! A set of views in one word.

use crate::error::{Error, Result};
use crate::format::header::{Header, MAX_VIEWS, Role, Second};
use crate::units::ViewId;

/// Views asked for, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewSet(u32);

const _: () = assert!(MAX_VIEWS <= u32::BITS as usize, "a view set holds every view of a stream");

impl ViewSet {
    /// No view.
    pub const EMPTY: Self = Self(0);

    /// Every view of a stream.
    pub fn all(header: &Header) -> Self {
        (0..header.views.len() as u8).map(ViewId).collect()
    }

    /// The set of the given bits.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// One bit per view.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether `view` is in the set.
    pub const fn contains(self, view: ViewId) -> bool {
        (view.0 as u32) < u32::BITS && self.0 >> view.0 & 1 == 1
    }

    /// Whether every view of `other` is in the set.
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Number of views.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// True without views.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The views, ascending.
    pub fn iter(self) -> impl Iterator<Item = ViewId> {
        (0..MAX_VIEWS as u8).map(ViewId).filter(move |v| self.contains(*v))
    }

    /// Fails unless the set is a non-empty set of views of the stream.
    ///
    /// # Errors
    /// [`Error::NotInStream`] naming the first missing view.
    pub fn check(self, header: &Header) -> Result<()> {
        let available = header.views.len() as u64;
        if self.is_empty() {
            return Err(Error::NotInStream {
                what: "view in an empty selection",
                asked: 0,
                available,
            });
        }
        match self.iter().find(|v| usize::from(v.0) >= header.views.len()) {
            Some(v) => Err(Error::NotInStream { what: "view", asked: v.0.into(), available }),
            None => Ok(()),
        }
    }

    /// The explicit views that must be decoded to show this set.
    pub fn explicit_needed(self, header: &Header) -> Self {
        let needed = |v: ViewId| match header.views[usize::from(v.0)] {
            Role::Explicit => [v, v],
            Role::Implicit { anchor, second: Second::Anchor(other) } => [anchor, other],
            Role::Implicit { anchor, second: Second::Key } => [anchor, anchor],
        };
        self.iter().flat_map(needed).collect()
    }

    /// The implicit views of this set.
    pub fn implicit(self, header: &Header) -> Self {
        header.implicit_views().filter(|v| self.contains(*v)).collect()
    }
}

impl FromIterator<ViewId> for ViewSet {
    /// # Panics
    /// If a view is not below [`MAX_VIEWS`].
    fn from_iter<T: IntoIterator<Item = ViewId>>(views: T) -> Self {
        Self(views.into_iter().fold(0, |set, v| {
            assert!(usize::from(v.0) < MAX_VIEWS, "a stream has at most {MAX_VIEWS} views");
            set | 1 << v.0
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_ordered_and_checked() {
        let set: ViewSet = [5, 0, 31].into_iter().map(ViewId).collect();
        assert!(set.iter().eq([0, 5, 31].map(ViewId)));
        assert_eq!(set.len(), 3);
        assert!(!set.contains(ViewId(40)));
        assert!(set.includes([ViewId(5)].into_iter().collect()));
    }
}
