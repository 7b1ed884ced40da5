//! What keys do.

use winit::keyboard::{Key, NamedKey};

pub(super) const HELP: &str = "\
Keys:
  space        pause, and go on
  . and ,      one frame on, one back
  0 to 9       that view
  left, right  the view before, the next
  + and -      twice as fast, half as fast
  home         from the start
  i            statistics
  q, escape    close

Drag the mouse to move the head: what it sees between the cameras is shown, or where the stream has no cameras the
view beside. A key of a view goes back to that camera.";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Pause,
    StepOn,
    StepBack,
    View(u8),
    ViewBefore,
    NextView,
    Faster,
    Slower,
    Start,
    Statistics,
    Close,
}

impl Wish {
    pub(super) fn of(key: &Key) -> Option<Self> {
        Some(match key {
            Key::Named(NamedKey::Space) => Self::Pause,
            Key::Named(NamedKey::ArrowLeft) => Self::ViewBefore,
            Key::Named(NamedKey::ArrowRight) => Self::NextView,
            Key::Named(NamedKey::Home) => Self::Start,
            Key::Named(NamedKey::Escape) => Self::Close,
            Key::Character(text) => match text.as_str() {
                "." => Self::StepOn,
                "," => Self::StepBack,
                "+" | "=" => Self::Faster,
                "-" => Self::Slower,
                "i" => Self::Statistics,
                "q" => Self::Close,
                digit => Self::View(digit.parse().ok().filter(|view| *view < 10)?),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_views_and_other_keys_do_nothing() {
        let of = |text: &str| Wish::of(&Key::Character(text.into()));
        assert_eq!(
            (of("7"), of("."), of("x"), of("12")),
            (Some(Wish::View(7)), Some(Wish::StepOn), None, None)
        );
        assert_eq!(Wish::of(&Key::Named(NamedKey::F1)), None);
    }
}
