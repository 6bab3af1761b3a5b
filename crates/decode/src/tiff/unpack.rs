//! Strips and tiles to rows of bytes, one row at a time, so that none is held whole.

use std::borrow::Cow;
use std::io::{Cursor, ErrorKind, Read};

use flate2::bufread::ZlibDecoder;
use weezl::BitOrder;
use weezl::decode::Decoder as Lzw;

use super::fax;
use super::page::{Numbers, Packing, Page};

/// Why there is no further row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data ends.
    Short,
    /// The data is none of its compression.
    Broken(&'static str),
}

/// The rows of one strip or tile.
pub(super) struct Rows<'a> {
    unpacker: Unpacker<'a>,
    page: Page<'a>,
    /// What a row's bytes are put in order with.
    scratch: Vec<u8>,
}

enum Unpacker<'a> {
    Plain(Cow<'a, [u8]>, usize),
    PackBits(PackBits<'a>),
    Lzw(Box<Lzw>, Cow<'a, [u8]>, usize),
    Deflate(Box<ZlibDecoder<Cursor<Cow<'a, [u8]>>>>),
    Fax(Cow<'a, [u8]>, fax::FaxState),
}

impl<'a> Rows<'a> {
    /// The rows in the packed bytes of a strip or tile, which is not of JPEG.
    pub(super) fn new(page: &Page<'a>, packed: &'a [u8]) -> Rows<'a> {
        let bytes = if page.reversed {
            Cow::Owned(packed.iter().map(|byte| byte.reverse_bits()).collect())
        } else {
            Cow::Borrowed(packed)
        };
        let unpacker = match page.packing {
            Packing::None | Packing::Jpeg | Packing::OldJpeg => Unpacker::Plain(bytes, 0),
            Packing::PackBits => Unpacker::PackBits(PackBits { bytes, at: 0, left: 0, repeated: None }),
            Packing::Lzw => Unpacker::Lzw(Box::new(lzw(&bytes)), bytes, 0),
            Packing::Deflate => Unpacker::Deflate(Box::new(ZlibDecoder::new(Cursor::new(bytes)))),
            Packing::FaxRows | Packing::FaxGroup3 { .. } | Packing::FaxGroup4 => {
                Unpacker::Fax(bytes, fax::FaxState::new(page.packing, page.chunk[0]))
            }
        };
        Rows { unpacker, page: *page, scratch: Vec::new() }
    }

    /// Fills in the next row.
    pub(super) fn next(&mut self, row: &mut [u8]) -> Result<(), Stop> {
        match &mut self.unpacker {
            Unpacker::Plain(bytes, at) => {
                let end = *at + row.len();
                row.copy_from_slice(bytes.get(*at..end).ok_or(Stop::Short)?);
                *at = end;
            }
            Unpacker::PackBits(packed) => packed.fill(row)?,
            Unpacker::Lzw(decoder, bytes, at) => fill_lzw(decoder, bytes, at, row)?,
            Unpacker::Deflate(decoder) => decoder.read_exact(row).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => Stop::Short,
                _ => Stop::Broken("no deflate data"),
            })?,
            Unpacker::Fax(bytes, state) => {
                if !state.next(bytes, row) {
                    return Err(Stop::Broken("no fax rows"));
                }
            }
        }
        self.unpredict(row);
        Ok(())
    }

    /// Undoes what was done to make the rows easier to pack: differences of neighbours.
    fn unpredict(&mut self, row: &mut [u8]) {
        let page = &self.page;
        let (bytes, step) = (page.bits / 8, page.samples_in_row());
        match page.predictor {
            2 => {
                let step = step * bytes;
                for at in step..row.len() / bytes * bytes {
                    // The lowest byte comes first or last.
                    if bytes == 1 {
                        row[at] = row[at].wrapping_add(row[at - step]);
                    } else if at % bytes == 0 {
                        add(row, at, step, bytes, page.directory.file.little);
                    }
                }
            }
            3 if page.numbers == Numbers::Float => {
                for at in step..row.len() {
                    row[at] = row[at].wrapping_add(row[at - step]);
                }
                // All first bytes are in front, the uppermost first.
                self.scratch.clear();
                self.scratch.extend_from_slice(row);
                let count = row.len() / bytes;
                let little = page.directory.file.little;
                for (index, sample) in row.chunks_exact_mut(bytes).enumerate() {
                    for (place, byte) in sample.iter_mut().enumerate() {
                        let plane = if little { bytes - 1 - place } else { place };
                        *byte = self.scratch[plane * count + index];
                    }
                }
            }
            _ => {}
        }
    }
}

/// Adds the sample `step` bytes before to that at `at`.
fn add(row: &mut [u8], at: usize, step: usize, bytes: usize, little: bool) {
    let mut carry = 0;
    for index in 0..bytes {
        let place = at + if little { index } else { bytes - 1 - index };
        let sum = u16::from(row[place]) + u16::from(row[place - step]) + carry;
        row[place] = sum as u8;
        carry = sum >> 8;
    }
}

/// The decoder for the data: the kind of the specification, or the one before it, whose bits come from the lowest.
fn lzw(bytes: &[u8]) -> Lzw {
    let is_old = bytes.first() == Some(&0) && bytes.get(1).is_some_and(|second| second & 1 == 1);
    if is_old { Lzw::new(BitOrder::Lsb, 8) } else { Lzw::with_tiff_size_switch(BitOrder::Msb, 8) }
}

fn fill_lzw(decoder: &mut Lzw, bytes: &[u8], at: &mut usize, mut row: &mut [u8]) -> Result<(), Stop> {
    while !row.is_empty() {
        let done = decoder.decode_bytes(bytes.get(*at..).unwrap_or(&[]), row);
        *at += done.consumed_in;
        row = row.get_mut(done.consumed_out..).unwrap_or_default();
        let has_moved = done.consumed_in + done.consumed_out > 0;
        match done.status {
            Ok(weezl::LzwStatus::Ok) if has_moved => {}
            Ok(_) if row.is_empty() => {}
            Ok(_) => return Err(Stop::Short),
            Err(_) => return Err(Stop::Broken("no LZW data")),
        }
    }
    Ok(())
}

/// Runs of bytes, repeated or as they are.
struct PackBits<'a> {
    bytes: Cow<'a, [u8]>,
    at: usize,
    left: usize,
    repeated: Option<u8>,
}

impl PackBits<'_> {
    fn take(&mut self) -> Result<u8, Stop> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn fill(&mut self, mut row: &mut [u8]) -> Result<(), Stop> {
        while !row.is_empty() {
            if self.left == 0 {
                let head = self.take()?;
                (self.left, self.repeated) = match head {
                    0..128 => (usize::from(head) + 1, None),
                    128 => continue,
                    _ => (257 - usize::from(head), Some(self.take()?)),
                };
            }
            let count = self.left.min(row.len());
            let (part, rest) = row.split_at_mut(count);
            match self.repeated {
                Some(byte) => part.fill(byte),
                None => {
                    part.copy_from_slice(self.bytes.get(self.at..self.at + count).ok_or(Stop::Short)?);
                    self.at += count;
                }
            }
            self.left -= count;
            row = rest;
        }
        Ok(())
    }
}
