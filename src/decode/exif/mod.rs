//! EXIF
use crate::domain::Capture;
/// Reads
pub fn read(_bytes: &[u8]) -> Capture {
    Capture::default()
}
