//! The EXIF structures of a file, taken together.

use super::tiff::{Tag, Tiff};
use super::value::ExifValue;

/// A file may hold several EXIF structures: an editor's beside the camera's, one that went on in a second segment.
pub(super) struct Tags<'s, 'a> {
    tiffs: &'s [Tiff<'a>],
}

impl<'s, 'a> Tags<'s, 'a> {
    pub(super) fn new(tiffs: &'s [Tiff<'a>]) -> Self {
        Tags { tiffs }
    }

    /// The tag's value in the first structure that has it.
    pub(super) fn find(&self, tag: Tag) -> Option<ExifValue<'a>> {
        self.tiffs.iter().find_map(|tiff| tiff.find(tag))
    }

    /// What belongs together (a clock and its fraction, a coordinate and its reference) is read from one structure if
    /// one has it; from all of them together where each has a part.
    pub(super) fn first<T>(&self, read: impl Fn(&Tags) -> Option<T>) -> Option<T> {
        self.views().find_map(|tags| read(&tags))
    }

    /// [`Tags::first`] of a reading that may be refused: the first that is not, or else the first refusal.
    pub(super) fn first_good<T, E>(&self, read: impl Fn(&Tags) -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        let mut refusal = None;
        for tags in self.views() {
            match read(&tags) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        refusal.map_or(Ok(None), Err)
    }

    fn views(&self) -> impl Iterator<Item = Tags<'s, 'a>> {
        let all = (self.tiffs.len() > 1).then_some(Tags { tiffs: self.tiffs });
        self.tiffs.chunks(1).map(|tiffs| Tags { tiffs }).chain(all)
    }
}
