//! JPEG through our own reader, which makes only the pixels asked for; what it does not read goes to `zune-jpeg`.

use super::super::clock::Deadline;
use super::super::guard::jpeg_has_end;
use super::super::jpeg;
use super::{Header, Source, zune};
use scanmill_core::domain::Reject;

/// Reads the brightness, but makes no pixel yet. What a file that ends early does not hold is grey.
pub(super) fn open(bytes: &[u8], header: &Header, deadline: Deadline) -> Result<Source, Reject> {
    match jpeg::read(bytes, &|| !deadline.is_over()) {
        Ok(coefficients)
            if [coefficients.width(), coefficients.height()]
                == [header.width, header.height].map(|side| side as usize) =>
        {
            Ok(Source::scaled(coefficients, !jpeg_has_end(bytes)))
        }
        _ => zune::decode(bytes, header),
    }
}
