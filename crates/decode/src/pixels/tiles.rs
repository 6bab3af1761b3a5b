//! The tiles of a HEIC or AVIF picture, put together.

use super::super::guard::HeaderError;
use super::super::heif::Picture;
use scanmill_core::domain::{Format, Reason, Rejection};
use scanmill_jpeg::Luma;

/// A picture of nothing; `None` for one without pixels.
pub(super) fn blank(picture: &Picture) -> Option<Luma> {
    let [width, height] = [picture.width, picture.height].map(|side| side as usize);
    Luma::new(width, height, vec![picture.fill; width.checked_mul(height)?])
}

/// Puts the row `y` of the tile whose top left pixel is `corner` into the picture.
pub(super) fn paint(luma: &mut Luma, picture: &Picture, corner: [usize; 2], y: usize, row: &[u8]) {
    if y >= picture.tile[1] as usize {
        return;
    }
    let out = luma.rows_mut().nth(corner[1] + y).and_then(|out| out.get_mut(corner[0]..)).unwrap_or_default();
    let length = out.len().min(row.len()).min(picture.tile[0] as usize);
    if let (Some(out), Some(row)) = (out.get_mut(..length), row.get(..length)) {
        out.copy_from_slice(row);
    }
}

/// Nobody sees it: what is looked for in alpha was not found in brightness either.
pub(super) fn no_alpha() -> Rejection {
    Rejection::new(Reason::Unsupported, "a picture without alpha has none to look at")
}

/// The guard read the same tables and found them whole.
pub(super) fn changed(format: Format, flaw: HeaderError) -> Rejection {
    Rejection::new(Reason::Unreadable, format!("the {} header changed: {flaw:?}", format.as_str()))
}
