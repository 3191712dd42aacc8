//! Which characters are visible: the core's rule, in the words of this crate.

pub(super) use comptoir::text::hidden::is_visible_after;
use comptoir::text::hidden::{Hidden, hidden};

use super::code::Code;

/// Whether `c` is visible, or a space.
pub(super) fn is_visible(c: char) -> bool {
    hidden(c).is_none()
}

/// Why a hidden character is not allowed.
pub(super) fn code(hidden: Hidden) -> Code {
    match hidden {
        Hidden::Control => Code::ControlCharacter,
        Hidden::Direction => Code::DirectionCharacter,
        Hidden::Invisible | Hidden::Private => Code::InvisibleCharacter,
    }
}
