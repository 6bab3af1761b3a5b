//! Files that say they are huge pictures: a few hundred bytes that would take gigabytes to unpack.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::splice::{comment, png_chunk};
use scanmill_core::error::{Error, Result};

/// What bombs claim: sides beyond any camera's, and sides that would do but for the few bytes behind them.
const CLAIMS: [(u32, u32); 2] = [(60_000, 60_000), (8_000, 7_000)];

/// A PNG bomb, unlike every other by its comment.
///
/// # Errors
/// Memory that cannot be written to (a bug).
pub fn png(unique_id: u128) -> Result<Bytes> {
    let (width, height) = CLAIMS[(unique_id % 2) as usize];
    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    // Eight bits a channel, red, green and blue, not interlaced.
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    // The first rows, black: enough that the file looks whole to whoever reads no further.
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    let rows = rows.write_all(&vec![0; 3 * width as usize + 1]).and_then(|()| rows.finish());
    let rows = rows.map_err(|error| Error::bug("cannot pack a bomb").with_source(error))?;
    let chunks = [(*b"IHDR", header), (*b"tEXt", comment(unique_id)), (*b"IDAT", rows), (*b"IEND", Vec::new())];
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        file.extend_from_slice(&png_chunk(kind, &data));
    }
    Ok(file.into())
}
