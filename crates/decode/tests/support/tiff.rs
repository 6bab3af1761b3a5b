//! TIFF files made at test time, of the kinds that scanners, fax machines and editors write.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

use std::io::Write;

use fax::maps::{Mode, black, mode, white};
use fax::{BitWriter, VecWriter};

/// How rows are packed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packing {
    None,
    PackBits,
    Lzw,
    Deflate,
    /// CCITT modified Huffman.
    FaxRows,
    /// CCITT group 3, one row of two by the one above where it says so.
    Group3 {
        two_dimensional: bool,
    },
    Group4,
}

/// What the samples mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colours {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    /// With so many pixels to a sample of chroma, across and down.
    Ycbcr(usize, usize),
    /// Grey, then opacity.
    GreyAlpha,
}

/// A kind of TIFF file.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub packing: Packing,
    pub colours: Colours,
    pub bits: usize,
    pub big: bool,
    pub little: bool,
    pub planar: bool,
    pub tile: Option<[usize; 2]>,
    pub rows_per_strip: usize,
    pub predictor: bool,
    pub lowest_first: bool,
    pub float: bool,
    /// The number that white is written as, where it is not the largest there is.
    pub white: Option<f64>,
}

pub const PLAIN: Kind = Kind {
    packing: Packing::None,
    colours: Colours::BlackIsZero,
    bits: 8,
    big: false,
    little: true,
    planar: false,
    tile: None,
    rows_per_strip: 40,
    predictor: false,
    lowest_first: false,
    float: false,
    white: None,
};

/// A grey picture as a TIFF file of a kind, after `pages` smaller copies that say what they are.
pub fn tiff(kind: &Kind, width: usize, height: usize, grey: &[u8], thumbnails: usize) -> Vec<u8> {
    let mut file = File::new(kind);
    for _ in 0..thumbnails {
        let small = vec![7; 16];
        file.page(&Kind { big: kind.big, little: kind.little, ..PLAIN }, 4, 4, &small, true);
    }
    file.page(kind, width, height, grey, false);
    file.bytes
}

struct File {
    bytes: Vec<u8>,
    big: bool,
    little: bool,
    /// Where the place of the next directory belongs.
    link: usize,
}

impl File {
    fn new(kind: &Kind) -> File {
        let mut file = File { bytes: Vec::new(), big: kind.big, little: kind.little, link: 0 };
        file.bytes.extend(if kind.little { b"II" } else { b"MM" });
        file.put(if kind.big { 43 } else { 42 }, 2);
        if kind.big {
            file.put(8, 2);
            file.put(0, 2);
        }
        file.link = file.bytes.len();
        file.put(0, file.wide());
        file
    }

    fn wide(&self) -> usize {
        if self.big { 8 } else { 4 }
    }

    fn number(&self, value: u64, width: usize) -> Vec<u8> {
        let mut bytes = value.to_le_bytes()[..width].to_vec();
        if !self.little {
            bytes.reverse();
        }
        bytes
    }

    fn put(&mut self, value: u64, width: usize) {
        let bytes = self.number(value, width);
        self.bytes.extend(bytes);
    }

    fn page(&mut self, kind: &Kind, width: usize, height: usize, grey: &[u8], is_small: bool) {
        let samples = samples(kind.colours);
        let [chunk_width, chunk_height] = kind.tile.unwrap_or([width, kind.rows_per_strip.min(height)]);
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        for plane in 0..if kind.planar { samples } else { 1 } {
            for top in (0..height).step_by(chunk_height) {
                for left in (0..width).step_by(chunk_width) {
                    // The last strip is as high as what is left; tiles are whole.
                    let rows = if kind.tile.is_some() { chunk_height } else { chunk_height.min(height - top) };
                    let pixel = |x: usize, y: usize| {
                        let (x, y) = ((left + x).min(width - 1), (top + y).min(height - 1));
                        grey[y * width + x]
                    };
                    let data = pack(kind, plane, [chunk_width, rows], &pixel, self.little);
                    offsets.push(self.bytes.len() as u64);
                    counts.push(data.len() as u64);
                    self.bytes.extend(data);
                }
            }
        }
        let bits = vec![kind.bits as u64; samples];
        let (photometric, extra) = match kind.colours {
            Colours::WhiteIsZero => (0, None),
            Colours::BlackIsZero => (1, None),
            Colours::Rgb => (2, None),
            Colours::Palette => (3, None),
            Colours::Cmyk => (5, None),
            Colours::Ycbcr(..) => (6, None),
            Colours::GreyAlpha => (1, Some(2)),
        };
        let compression = match kind.packing {
            Packing::None => 1,
            Packing::FaxRows => 2,
            Packing::Group3 { .. } => 3,
            Packing::Group4 => 4,
            Packing::Lzw => 5,
            Packing::Deflate => 8,
            Packing::PackBits => 32_773,
        };
        const SHORT: u64 = 3;
        let long = if self.big { 16 } else { 4 };
        let mut entries: Vec<(u64, u64, Vec<u64>)> = vec![
            (254, 4, vec![u64::from(is_small)]),
            (256, SHORT, vec![width as u64]),
            (257, 4, vec![height as u64]),
            (258, SHORT, bits),
            (259, SHORT, vec![compression]),
            (262, SHORT, vec![photometric]),
            (266, SHORT, vec![if kind.lowest_first { 2 } else { 1 }]),
            (277, SHORT, vec![samples as u64]),
            (284, SHORT, vec![if kind.planar { 2 } else { 1 }]),
            (
                317,
                SHORT,
                vec![if !kind.predictor {
                    1
                } else if kind.float {
                    3
                } else {
                    2
                }],
            ),
        ];
        let [at, length] = if kind.tile.is_some() { [324, 325] } else { [273, 279] };
        entries.push((at, long, offsets));
        entries.push((length, long, counts));
        match kind.tile {
            Some([across, down]) => {
                entries.extend([(322, SHORT, vec![across as u64]), (323, SHORT, vec![down as u64])]);
            }
            None => entries.push((278, SHORT, vec![kind.rows_per_strip as u64])),
        }
        if let Packing::Group3 { two_dimensional } = kind.packing {
            entries.push((292, 4, vec![u64::from(two_dimensional)]));
        }
        if kind.colours == Colours::Palette {
            // The brightest first.
            let most = (1u64 << kind.bits) - 1;
            let greys = (0..=most).map(|number| (most - number) * 65_535 / most);
            entries.push((320, SHORT, greys.clone().chain(greys.clone()).chain(greys).collect()));
        }
        if let Colours::Ycbcr(across, down) = kind.colours {
            entries.push((530, SHORT, vec![across as u64, down as u64]));
        }
        entries.extend(extra.map(|extra| (338, SHORT, vec![extra])));
        entries.push((339, SHORT, vec![if kind.float { 3 } else { 1 }; samples]));
        self.directory(entries);
    }

    fn directory(&mut self, mut entries: Vec<(u64, u64, Vec<u64>)>) {
        entries.sort();
        let wide = self.wide();
        let mut places = Vec::new();
        for (tag, kind, values) in entries {
            let width = match kind {
                3 => 2,
                4 => 4,
                _ => 8,
            };
            let mut bytes: Vec<u8> = values.iter().flat_map(|&value| self.number(value, width)).collect();
            if bytes.len() > wide {
                let at = self.bytes.len() as u64;
                self.bytes.extend(&bytes);
                bytes = self.number(at, wide);
            }
            bytes.resize(wide, 0);
            places.push((tag, kind, values.len(), bytes));
        }
        let at = self.number(self.bytes.len() as u64, wide);
        let link = self.link;
        self.bytes[link..link + wide].copy_from_slice(&at);
        self.put(places.len() as u64, if self.big { 8 } else { 2 });
        for (tag, kind, count, bytes) in places {
            self.put(tag, 2);
            self.put(kind, 2);
            self.put(count as u64, wide);
            self.bytes.extend(bytes);
        }
        self.link = self.bytes.len();
        self.put(0, wide);
    }
}

fn samples(colours: Colours) -> usize {
    match colours {
        Colours::Rgb | Colours::Ycbcr(..) => 3,
        Colours::Cmyk => 4,
        Colours::GreyAlpha => 2,
        _ => 1,
    }
}

/// A sample of a pixel of this brightness, 0 to 1.
fn sample(kind: &Kind, index: usize, grey: f64) -> f64 {
    match (kind.colours, index) {
        (Colours::WhiteIsZero | Colours::Palette, _) => 1.0 - grey,
        (Colours::Cmyk, 3) => 1.0 - grey,
        (Colours::Cmyk, _) => 0.0,
        (Colours::Ycbcr(..), 1 | 2) => 0.5,
        (Colours::GreyAlpha, 1) => 1.0,
        _ => grey,
    }
}

/// One strip or tile.
fn pack(
    kind: &Kind,
    plane: usize,
    [width, height]: [usize; 2],
    pixel: &dyn Fn(usize, usize) -> u8,
    little: bool,
) -> Vec<u8> {
    let is_dark = |y: usize| -> Vec<bool> { (0..width).map(|x| pixel(x, y) < 128).collect() };
    let mut packed = match kind.packing {
        Packing::FaxRows | Packing::Group3 { .. } | Packing::Group4 => {
            fax_rows(kind.packing, &(0..height).map(is_dark).collect::<Vec<_>>())
        }
        _ => {
            let mut raw = Vec::new();
            if let (Colours::Ycbcr(across, down), false) = (kind.colours, kind.planar) {
                for top in (0..height).step_by(down) {
                    for left in (0..width).step_by(across) {
                        for (x, y) in (0..down).flat_map(|y| (0..across).map(move |x| (x, y))) {
                            raw.push(pixel((left + x).min(width - 1), (top + y).min(height - 1)));
                        }
                        raw.extend([128, 128]);
                    }
                }
            } else {
                for y in 0..height {
                    raw.extend(row(kind, plane, width, &|x| pixel(x, y), little));
                }
            }
            raw
        }
    };
    if kind.lowest_first && matches!(kind.packing, Packing::None) {
        packed.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        return packed;
    }
    packed = match kind.packing {
        Packing::PackBits => pack_bits(&packed),
        Packing::Lzw => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&packed).unwrap(),
        Packing::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&packed).unwrap();
            encoder.finish().unwrap()
        }
        _ => packed,
    };
    if kind.lowest_first {
        packed.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    packed
}

fn row(kind: &Kind, plane: usize, width: usize, pixel: &dyn Fn(usize) -> u8, little: bool) -> Vec<u8> {
    let planes: Vec<usize> = if kind.planar { vec![plane] } else { (0..samples(kind.colours)).collect() };
    let values: Vec<f64> = (0..width)
        .flat_map(|x| planes.iter().map(move |&index| (x, index)))
        .map(|(x, index)| sample(kind, index, f64::from(pixel(x)) / 255.0))
        .collect();
    let bytes = kind.bits / 8;
    if kind.float {
        let mut samples: Vec<[u8; 4]> =
            values.iter().map(|&value| ((value * kind.white.unwrap_or(1.0)) as f32).to_be_bytes()).collect();
        if kind.predictor {
            // All first bytes, then all second ones; then differences.
            let mut out: Vec<u8> = (0..4).flat_map(|at| samples.iter().map(move |sample| sample[at])).collect();
            for at in (planes.len()..out.len()).rev() {
                out[at] = out[at].wrapping_sub(out[at - planes.len()]);
            }
            return out;
        }
        if little {
            samples.iter_mut().for_each(|sample| sample.reverse());
        }
        return samples.concat();
    }
    let most = kind.white.unwrap_or(((1u128 << kind.bits) - 1) as f64);
    let mut numbers: Vec<u64> = values.iter().map(|value| (value * most).round() as u64).collect();
    if kind.predictor {
        for at in (planes.len()..numbers.len()).rev() {
            numbers[at] = numbers[at].wrapping_sub(numbers[at - planes.len()]);
        }
    }
    if kind.bits.is_multiple_of(8) {
        return numbers
            .iter()
            .flat_map(|number| {
                let mut out = number.to_be_bytes()[8 - bytes..].to_vec();
                if little {
                    out.reverse();
                }
                out
            })
            .collect();
    }
    let mut out = vec![0u8; (numbers.len() * kind.bits).div_ceil(8)];
    for (index, number) in numbers.iter().enumerate() {
        for bit in 0..kind.bits {
            let at = index * kind.bits + bit;
            out[at / 8] |= ((number >> (kind.bits - 1 - bit) & 1) as u8) << (7 - at % 8);
        }
    }
    out
}

fn pack_bits(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = raw;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take(128).take_while(|&&byte| byte == first).count();
        if run > 2 {
            out.extend([(257 - run) as u8, first]);
            rest = &rest[run..];
        } else {
            let count = rest.len().min(5);
            out.push(count as u8 - 1);
            out.extend(&rest[..count]);
            rest = &rest[count..];
        }
    }
    // A byte that stands for nothing.
    [&[128], out.as_slice()].concat()
}

/// Places where a row changes its colour, first to black.
fn changes(row: &[bool]) -> Vec<usize> {
    let mut is_black = false;
    let mut out = Vec::new();
    for (at, &dark) in row.iter().enumerate() {
        if dark != is_black {
            out.push(at);
            is_black = dark;
        }
    }
    out
}

fn write(out: &mut VecWriter, bits: Option<fax::Bits>) {
    out.write(bits.expect("a code")).unwrap();
}

fn run(out: &mut VecWriter, is_black: bool, mut length: usize) {
    let code = |length: usize| if is_black { black::encode(length as u16) } else { white::encode(length as u16) };
    while length >= 2_560 {
        write(out, code(2_560));
        length -= 2_560;
    }
    if length >= 64 {
        write(out, code(length / 64 * 64));
    }
    write(out, code(length % 64));
}

fn runs(out: &mut VecWriter, row: &[bool]) {
    let (mut at, mut is_black) = (0, false);
    for change in changes(row).into_iter().chain([row.len()]) {
        run(out, is_black, change - at);
        at = change;
        is_black = !is_black;
    }
}

fn by_above(out: &mut VecWriter, row: &[bool], above: &[bool]) {
    let (row_changes, above_changes, width) = (changes(row), changes(above), row.len());
    let (mut at, mut is_black, mut is_first) = (0, false, true);
    while at < width {
        let after = |list: &[usize], from: usize, parity: Option<bool>| -> (usize, usize) {
            let is_behind = |change: usize| change > from || (is_first && change == from);
            let found = list
                .iter()
                .enumerate()
                .find(|&(index, &change)| is_behind(change) && parity.is_none_or(|black| (index % 2 == 1) == black));
            found.map_or((width, width), |(index, &change)| (change, list.get(index + 1).copied().unwrap_or(width)))
        };
        let (a1, a2) = after(&row_changes, at, Some(is_black));
        let (b1, b2) = after(&above_changes, at, Some(is_black));
        let by = a1 as isize - b1 as isize;
        if b2 < a1 {
            write(out, mode::encode(Mode::Pass));
            at = b2;
        } else if by.abs() <= 3 {
            write(out, mode::encode(Mode::Vertical(by as i8)));
            at = a1;
            is_black = !is_black;
        } else {
            write(out, mode::encode(Mode::Horizontal));
            run(out, is_black, a1 - at);
            run(out, !is_black, a2 - a1);
            at = a2;
        }
        is_first = false;
    }
}

fn mark(out: &mut VecWriter) {
    out.write(fax::maps::EOL).unwrap();
}

fn fax_rows(packing: Packing, rows: &[Vec<bool>]) -> Vec<u8> {
    let mut out = VecWriter::new();
    let mut above = vec![false; rows[0].len()];
    for (y, row) in rows.iter().enumerate() {
        match packing {
            Packing::FaxRows => {
                runs(&mut out, row);
                out.pad();
            }
            Packing::Group3 { two_dimensional } => {
                mark(&mut out);
                let is_by_above = two_dimensional && y % 2 == 1;
                if two_dimensional {
                    out.write(fax::Bits { data: u16::from(!is_by_above), len: 1 }).unwrap();
                }
                if is_by_above { by_above(&mut out, row, &above) } else { runs(&mut out, row) }
            }
            _ => by_above(&mut out, row, &above),
        }
        above.clone_from(row);
    }
    if packing == Packing::Group4 {
        mark(&mut out);
        mark(&mut out);
    }
    if let Packing::Group3 { two_dimensional } = packing {
        for _ in 0..6 {
            mark(&mut out);
            if two_dimensional {
                out.write(fax::Bits { data: 1, len: 1 }).unwrap();
            }
        }
    }
    out.finish()
}
