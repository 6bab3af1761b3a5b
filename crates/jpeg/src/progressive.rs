//! Progressive pictures: every scan adds coefficients, or bits to them.

use super::bits::{Bits, extend};
use super::coefficients::{Block, BlockRow, Coefficients, MARKED, tokens_of};
use super::frame::{Frame, Scan, Tables};
use super::huffman::HuffmanTable;
use super::scans::{Grid, Intervals};
use super::{JpegError, Watch};

/// All coefficients of one component, until the last scan is in.
pub(super) struct Progressive {
    width: usize,
    height: usize,
    steps: [u16; 64],
    across: usize,
    blocks: Vec<Block>,
}

/// What is kept from block to block.
#[derive(Default)]
struct BlockState {
    predicted: i32,
    /// Blocks to come, and this one, that have no more new coefficients.
    ended: u32,
}

impl Progressive {
    /// Nothing known yet.
    pub(super) fn new(frame: &Frame, component: usize, steps: [u16; 64]) -> Progressive {
        let [width, height] = frame.samples(component);
        let [across, down] = blocks(frame, component);
        Progressive { width, height, steps, across, blocks: vec![[0; 64]; across * down] }
    }

    /// Bytes that one of a component takes.
    pub(super) fn bytes_for(frame: &Frame, component: usize) -> u64 {
        let [across, down] = blocks(frame, component);
        (across * down * size_of::<Block>()) as u64
    }

    /// Reads one scan that holds the component, as far as it goes.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        tables: &Tables,
        scan: &Scan,
        grid: Grid,
        keep_on: &dyn Fn() -> bool,
    ) -> Result<(), JpegError> {
        let frame = tables.frame()?;
        let wanted = scan.parts.iter().find(|part| part.component == grid.component);
        let wanted = wanted.ok_or(JpegError::Broken("a scan without its component"))?;
        let ac = if scan.band[0] > 0 { Some(tables.ac(wanted.ac)?) } else { None };
        // The first coefficients of every component: whether it is the one, how many blocks, which table. Refining has
        // none.
        let mut firsts = Vec::new();
        for part in scan.parts.iter().filter(|_| ac.is_none()) {
            let [across, down] = frame.factors(part.component);
            let table = if scan.high == 0 { Some(tables.dc(part.dc)?) } else { None };
            firsts.push((part.component == grid.component, across * down, table));
        }

        let mut intervals = Intervals::new(bytes, scan);
        let total = grid.units[0] * grid.units[1];
        let interval = if tables.restart == 0 { total } else { tables.restart };
        for start in (0..total).step_by(interval.max(1)) {
            let mut bits = Bits::new(intervals.take());
            let mut state = BlockState::default();
            for unit in start..(start + interval).min(total) {
                let (unit_x, unit_y) = (unit % grid.units[0], unit / grid.units[0]);
                if bits.is_over() || (unit_x == 0 && !keep_on()) {
                    break;
                }
                if let Some(table) = ac {
                    let Some(block) = self.blocks.get_mut(unit_y * self.across + unit_x) else { break };
                    match scan.high {
                        0 => read_band(block, &mut bits, table, scan, &mut state),
                        _ => refine_band(block, &mut bits, table, scan, &mut state),
                    }
                    continue;
                }
                for &(is_wanted, count, table) in &firsts {
                    let count = if is_wanted { grid.blocks[0] * grid.blocks[1] } else { count };
                    for index in 0..count {
                        let value = read_first(&mut bits, table, scan.low, is_wanted.then_some(&mut state));
                        let x = unit_x * grid.blocks[0] + index % grid.blocks[0];
                        let y = unit_y * grid.blocks[1] + index / grid.blocks[0];
                        if let Some(block) = self.blocks.get_mut(y * self.across + x).filter(|_| is_wanted) {
                            block[0] |= value;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// As it stands, kept small.
    pub(super) fn finish(self, watch: Watch<'_>) -> Result<Coefficients, JpegError> {
        let mut held = size_of_val(self.blocks.as_slice()) + self.blocks.len() * size_of::<i16>();
        let mut tokens = Vec::new();
        let mut take = |row: &[Block]| {
            tokens.clear();
            let mut marks = Vec::with_capacity(row.len().div_ceil(MARKED));
            for blocks in row.chunks(MARKED) {
                marks.push(tokens.len() as u32);
                blocks.iter().for_each(|block| tokens_of(block, &mut tokens));
            }
            held += size_of_val(tokens.as_slice()) + size_of_val(marks.as_slice());
            watch.needs(held as u64).map(|()| BlockRow { tokens: tokens.as_slice().into(), marks: marks.into() })
        };
        let rows = self.blocks.chunks(self.across.max(1)).map(&mut take).collect::<Result<_, _>>()?;
        Ok(Coefficients {
            width: self.width,
            height: self.height,
            across: self.across,
            steps: self.steps,
            tinted: None,
            first: self.blocks.iter().map(|block| block[0]).collect(),
            rows,
        })
    }
}

/// Blocks of a component, across and down, with those that only fill up the last units.
fn blocks(frame: &Frame, component: usize) -> [usize; 2] {
    let (factors, most) = (frame.factors(component), frame.most());
    [frame.width.div_ceil(8 * most[0]) * factors[0], frame.height.div_ceil(8 * most[1]) * factors[1]]
}

/// The first coefficient, or with no table one more bit of it. Without a state it is of another component, and only gone over.
fn read_first(bits: &mut Bits, table: Option<&HuffmanTable>, low: u32, state: Option<&mut BlockState>) -> i16 {
    let Some(table) = table else { return (bits.take(1) << low) as i16 };
    bits.refill();
    let symbol = table.symbol(bits.peek());
    let difference = extend(bits.peek() << symbol.code_bits(), symbol.size());
    bits.skip(symbol.bits());
    state.map_or(0, |state| {
        state.predicted = state.predicted.wrapping_add(difference);
        (state.predicted << low) as i16
    })
}

/// New coefficients of a band.
fn read_band(block: &mut Block, bits: &mut Bits, table: &HuffmanTable, scan: &Scan, state: &mut BlockState) {
    if state.ended > 0 {
        state.ended -= 1;
        return;
    }
    let mut at = scan.band[0];
    while at <= scan.band[1] {
        bits.refill();
        let symbol = table.symbol(bits.peek());
        let (run, size) = (symbol.run(), symbol.size());
        if size == 0 && run < 15 {
            bits.skip(symbol.code_bits());
            // This block is the first of them.
            state.ended = (1 << run) - 1 + bits.take(run);
            return;
        }
        let value = extend(bits.peek() << symbol.code_bits(), size);
        bits.skip(symbol.bits());
        at += run as usize;
        if let Some(place) = block.get_mut(at) {
            *place = (value << scan.low) as i16;
        }
        at += 1;
    }
}

/// One more bit of the coefficients of a band, and new ones among them.
fn refine_band(block: &mut Block, bits: &mut Bits, table: &HuffmanTable, scan: &Scan, state: &mut BlockState) {
    let bit = 1i16 << scan.low;
    let Some(band) = block.get_mut(scan.band[0]..=scan.band[1]) else { return };
    let mut at = 0;
    if state.ended == 0 {
        while at < band.len() {
            bits.refill();
            let symbol = table.symbol(bits.peek());
            bits.skip(symbol.code_bits());
            let (mut zeros, size) = (symbol.run(), symbol.size());
            let mut new = 0;
            if size > 0 {
                new = if bits.take(1) == 1 { bit } else { -bit };
            } else if zeros < 15 {
                state.ended = (1 << zeros) + bits.take(zeros);
                break;
            }
            // Over the run of zeros, and over known coefficients, each of which has its bit here.
            while let Some(value) = band.get_mut(at) {
                at += 1;
                if *value != 0 {
                    refine(value, bits, bit);
                } else if zeros == 0 {
                    *value = new;
                    break;
                } else {
                    zeros -= 1;
                }
            }
        }
    }
    if state.ended > 0 {
        state.ended -= 1;
        for value in band.get_mut(at..).unwrap_or(&mut []).iter_mut().filter(|value| **value != 0) {
            refine(value, bits, bit);
        }
    }
}

fn refine(value: &mut i16, bits: &mut Bits, bit: i16) {
    if bits.take(1) == 1 && *value & bit == 0 {
        *value = if *value < 0 { value.wrapping_sub(bit) } else { value.wrapping_add(bit) };
    }
}
