//! The one scan of a sequential picture that holds the component.

use std::rc::Rc;

use super::bits::{Bits, extend};
use super::coefficients::{BlockRow, Coefficients, END, MARKED, token};
use super::frame::{Scan, Tables};
use super::huffman::{HuffmanTable, LOOKS, Skipper, Tokens};
use super::scans::{Grid, Intervals};
use super::{JpegError, Watch};

/// What a unit holds of one component.
struct UnitComponent<'a> {
    component: usize,
    dc: &'a HuffmanTable,
    kind: ComponentReader<'a>,
}

enum ComponentReader<'a> {
    /// The component that is read.
    Wanted(Tokens<'a>),
    /// Another: how many blocks to go over.
    Other(Rc<Skipper<'a>>, usize),
}

/// Units in which a block of chroma takes more bits than one of brightness, for each component of chroma, if the unit before
/// is one, too. Where a photo has edges, brightness takes several times as many; what is left are lone units here and there.
#[derive(Default)]
struct Tints {
    units: [u32; 2],
    was: [bool; 2],
}

impl Tints {
    /// Takes in the bits of a unit with so many blocks of brightness for one of chroma.
    #[inline(always)]
    fn add(&mut self, [y, blue, red]: [usize; 3], blocks: usize) {
        let is = [blue, red].map(|bits| bits >= MANY_BITS && bits * blocks > y);
        for ((units, is), was) in self.units.iter_mut().zip(is).zip(self.was) {
            *units += u32::from(is && was);
        }
        self.was = is;
    }

    /// As cells of 16 by 16 pixels.
    fn cells(&self, blocks: [usize; 2]) -> [u32; 2] {
        self.units.map(|units| units * (blocks[0] * blocks[1]) as u32 / 4)
    }
}

/// Bits that a block of chroma takes at least that is at an edge of colour.
const MANY_BITS: usize = 14;

/// A row of blocks that is being read.
struct Strip {
    /// Room for all tokens that the row can have.
    tokens: Vec<u16>,
    used: usize,
    first: Vec<i16>,
    marks: Vec<u32>,
}

/// Reads the scan, as far as it goes.
pub(super) fn read(
    bytes: &[u8],
    tables: &Tables,
    scan: &Scan,
    grid: Grid,
    watch: Watch<'_>,
) -> Result<Coefficients, JpegError> {
    let frame = tables.frame()?;
    let parts = parts(tables, scan, grid.component)?;
    let steps = tables.steps(grid.component)?;
    let [width, height] = frame.samples(grid.component);
    let across = grid.units[0] * grid.blocks[0];
    let mut picture = Coefficients {
        width,
        height,
        across,
        steps,
        tinted: None,
        first: Vec::with_capacity(across * grid.units[1] * grid.blocks[1]),
        rows: Vec::with_capacity(grid.units[1] * grid.blocks[1]),
    };
    let strip = || Strip {
        tokens: vec![END; across * 64],
        used: 0,
        first: Vec::with_capacity(across),
        marks: Vec::with_capacity(across / MARKED + 1),
    };
    let mut tints = Tints::default();
    let mut strips: Vec<Strip> = (0..grid.blocks[1]).map(|_| strip()).collect();
    let mut intervals = Intervals::new(bytes, scan);
    let mut held = (picture.first.capacity() + strips.len() * across * 64) * size_of::<u16>();
    let mut x = 0;
    loop {
        let mut bits = Bits::new(intervals.take());
        let mut predicted = 0;
        let mut left = if tables.restart == 0 { usize::MAX } else { tables.restart };
        while left > 0 {
            let count = left.min(grid.units[0] - x);
            read_units(&mut bits, &parts, &mut predicted, &mut strips, &mut tints, [count, grid.blocks[0]]);
            left -= count;
            x += count;
            if x == grid.units[0] {
                x = 0;
                held += strips.iter().map(Strip::bytes).sum::<usize>();
                watch.needs(held as u64)?;
                strips.iter_mut().for_each(|strip| picture.take_row(strip));
                if picture.rows.len() == grid.units[1] * grid.blocks[1] || !(watch.keep_on)() {
                    picture.tinted = (parts.len() == 3 && grid.component == 0).then(|| tints.cells(grid.blocks));
                    return Ok(picture);
                }
            }
        }
    }
}

fn parts<'a>(tables: &'a Tables, scan: &Scan, wanted: usize) -> Result<Vec<UnitComponent<'a>>, JpegError> {
    let frame = tables.frame()?;
    let mut parts: Vec<UnitComponent<'a>> = Vec::with_capacity(scan.parts.len());
    // Both of chroma mostly have the same table.
    let mut last: Option<(usize, Rc<Skipper<'a>>)> = None;
    for part in &scan.parts {
        let ac = tables.ac(part.ac)?;
        let [across, down] = frame.factors(part.component);
        let kind = if part.component == wanted {
            ComponentReader::Wanted(Tokens::new(ac))
        } else {
            let same = last.take().filter(|(table, _)| *table == part.ac);
            let (_, skipper) = last.insert(same.unwrap_or_else(|| (part.ac, Rc::new(Skipper::new(ac)))));
            ComponentReader::Other(Rc::clone(skipper), across * down)
        };
        parts.push(UnitComponent { component: part.component, dc: tables.dc(part.dc)?, kind });
    }
    Ok(parts)
}

impl Coefficients {
    /// Adds the row, and empties the strip.
    fn take_row(&mut self, strip: &mut Strip) {
        self.first.append(&mut strip.first);
        let tokens = strip.tokens.get(..strip.used).unwrap_or(&[]).into();
        self.rows.push(BlockRow { tokens, marks: strip.marks.as_slice().into() });
        strip.marks.clear();
        strip.used = 0;
    }
}

/// Reads `count` units with `across` blocks of the component side by side. Units behind the end of the bits are grey.
fn read_units(
    bits: &mut Bits,
    parts: &[UnitComponent],
    predicted: &mut i32,
    strips: &mut [Strip],
    tints: &mut Tints,
    [count, across]: [usize; 2],
) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("bmi1") && std::is_x86_feature_detected!("bmi2") {
        // SAFETY: the machine has what the function was compiled for.
        return unsafe { read_units_bmi(bits, parts, predicted, strips, tints, [count, across]) };
    }
    read_units_any(bits, parts, predicted, strips, tints, [count, across]);
}

/// The same code, compiled with the shifts that need no fixed register.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2")]
fn read_units_bmi(
    bits: &mut Bits,
    parts: &[UnitComponent],
    predicted: &mut i32,
    strips: &mut [Strip],
    tints: &mut Tints,
    size: [usize; 2],
) {
    read_units_any(bits, parts, predicted, strips, tints, size);
}

#[inline(always)]
fn read_units_any(
    from: &mut Bits,
    parts: &[UnitComponent],
    predicted: &mut i32,
    strips: &mut [Strip],
    tints: &mut Tints,
    [count, across]: [usize; 2],
) {
    // A copy of its own stays in registers.
    let mut bits = from.clone();
    for done in 0..count {
        if bits.is_over() {
            strips.iter_mut().for_each(|strip| strip.skip((count - done) * across));
            break;
        }
        let mut used = [0; 3];
        for part in parts {
            let before = bits.place();
            match &part.kind {
                ComponentReader::Wanted(table) => {
                    for strip in strips.iter_mut() {
                        for _ in 0..across {
                            *predicted = predicted.wrapping_add(read_first(&mut bits, part.dc));
                            strip.begin_block(*predicted as i16);
                            strip.read_block(&mut bits, table);
                        }
                    }
                }
                ComponentReader::Other(skipper, blocks) => {
                    for _ in 0..*blocks {
                        bits.refill();
                        bits.skip(part.dc.symbol(bits.peek()).bits());
                        skipper.skip(&mut bits);
                    }
                }
            }
            if let Some(used) = used.get_mut(part.component) {
                *used = bits.place() - before;
            }
        }
        tints.add(used, across * strips.len());
    }
    *from = bits;
}

/// The difference to the first coefficient before.
#[inline(always)]
fn read_first(bits: &mut Bits, table: &HuffmanTable) -> i32 {
    bits.refill();
    let symbol = table.symbol(bits.peek());
    let value = extend(bits.peek() << symbol.code_bits(), symbol.size());
    bits.skip(symbol.bits());
    value
}

impl Strip {
    /// Bytes of what it leaves.
    fn bytes(&self) -> usize {
        size_of::<BlockRow>() + self.used * size_of::<u16>() + self.marks.len() * size_of::<u32>()
    }

    #[inline(always)]
    fn begin_block(&mut self, first: i16) {
        if self.first.len().is_multiple_of(MARKED) {
            self.marks.push(self.used as u32);
        }
        self.first.push(first);
    }

    #[inline(always)]
    fn read_block(&mut self, bits: &mut Bits, coded: &Tokens) {
        let Some(out) = self.tokens.get_mut(self.used..).and_then(|rest| rest.first_chunk_mut::<64>()) else { return };
        let (mut at, mut used) = (1, 0);
        'block: loop {
            bits.refill();
            for _ in 0..LOOKS {
                // Each token goes on by one at least, so there are fewer than 64.
                let Some(next) = out.get_mut(used..used + 2) else { break 'block };
                let pair = coded.pair(bits.peek());
                let is_enough = at + pair.lead() < 64;
                if is_enough {
                    next.copy_from_slice(&pair.tokens());
                    used += pair.count();
                    bits.skip(pair.bits());
                    at += pair.advance();
                } else {
                    bits.refill();
                    let symbol = coded.table.symbol(bits.peek());
                    next[0] = token(symbol.zeros(), extend(bits.peek() << symbol.code_bits(), symbol.size()));
                    used += 1;
                    bits.skip(symbol.bits());
                    at += symbol.advance();
                }
                if at >= 64 {
                    break 'block;
                }
                if !is_enough {
                    break;
                }
            }
        }
        self.used += used;
    }

    /// Goes on by empty blocks.
    #[cold]
    fn skip(&mut self, blocks: usize) {
        for _ in 0..blocks {
            self.begin_block(0);
            if let Some(token) = self.tokens.get_mut(self.used) {
                *token = END;
                self.used += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Codes of 2 to 16 bits, some without a use.
    fn table() -> HuffmanTable {
        let symbols = [0x01, 0x00, 0x02, 0x11, 0x03, 0xf0, 0x21, 0x05, 0x31, 0x14, 0x0a, 0x72];
        HuffmanTable::new(&[0, 1, 2, 2, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1], &symbols).unwrap()
    }

    /// One symbol at a time, as the standard says it.
    fn plainly(bits: &mut Bits, table: &HuffmanTable) -> Vec<u16> {
        let (mut at, mut out) = (1, Vec::new());
        while at < 64 {
            bits.refill();
            let symbol = table.symbol(bits.peek());
            out.push(token(symbol.zeros(), extend(bits.peek() << symbol.code_bits(), symbol.size())));
            bits.skip(symbol.bits());
            at += symbol.advance();
        }
        out
    }

    proptest! {
        #[test]
        fn several_symbols_at_a_look_are_those_one_by_one(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (table, mut plain, mut skipped) = (table(), Bits::new(&bytes), Bits::new(&bytes));
            let mut paired = Bits::new(&bytes);
            let (tokens, skipper) = (Tokens::new(&table), Skipper::new(&table));
            while !plain.is_over() {
                let expected = plainly(&mut plain, &table);
                let mut strip = Strip { tokens: vec![END; 64], used: 0, first: Vec::new(), marks: Vec::new() };
                strip.read_block(&mut paired, &tokens);
                prop_assert_eq!(&strip.tokens[..strip.used], expected.as_slice());
                skipper.skip(&mut skipped);
                prop_assert_eq!(paired.place(), plain.place(), "paired");
                prop_assert_eq!(skipped.place(), plain.place(), "skipped");
            }
        }

        #[test]
        fn every_build_of_the_code_reads_the_same(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let table = table();
            let parts = || vec![
                UnitComponent { component: 0, dc: &table, kind: ComponentReader::Wanted(Tokens::new(&table)) },
                UnitComponent { component: 1, dc: &table, kind: ComponentReader::Other(Rc::new(Skipper::new(&table)), 2) },
            ];
            let strips = || -> Vec<Strip> {
                (0..2).map(|_| Strip { tokens: vec![END; 64 * 40], used: 0, first: Vec::new(), marks: Vec::new() }).collect()
            };
            let (mut one, mut other) = (strips(), strips());
            let (mut bits, mut predicted) = (Bits::new(&bytes), 0);
            read_units(&mut bits, &parts(), &mut predicted, &mut one, &mut Tints::default(), [20, 2]);
            let (mut bits, mut predicted) = (Bits::new(&bytes), 0);
            read_units_any(&mut bits, &parts(), &mut predicted, &mut other, &mut Tints::default(), [20, 2]);
            for (one, other) in one.iter().zip(&other) {
                prop_assert_eq!(&one.first, &other.first);
                prop_assert_eq!(&one.tokens[..one.used], &other.tokens[..other.used]);
            }
        }
    }
}
