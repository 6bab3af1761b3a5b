//! HEIC: the HEVC pictures of its tiles through `heifer`'s decoder, brightness only, or else one component of chroma.
//!
//! The decoder hands over block by block, which gives us two things it has no options for: chroma is parsed and then
//! left out, and the clock is looked at between blocks, so that no tile, however large, takes longer than it may. The
//! filters over block edges are left out as well: they cost a fifth, and no fewer codes are read without them.

use std::panic::resume_unwind;

use heifer_hevc_dec::Error;
use heifer_hevc_dec::nal::NalUnit;
use heifer_hevc_dec::params::{ParameterSets, Pps, Sps};
use heifer_hevc_dec::recon::Reconstructor;
use heifer_hevc_dec::slice::SliceHeader;
use heifer_hevc_dec::syntax::{self, CodingUnit, Sink, TransformBlock};

use super::super::catch_panic::catch_panic;
use super::super::clock::Deadline;
use super::super::heif::{Config, Heif, Picture};
use super::residual::{self, LevelBlock};
use super::tiles::{blank, changed, no_alpha, paint};
use super::tints::Tints;
use super::{Header, Source};
use scanmill_core::domain::{Reason, Rejection};
use scanmill_jpeg::Aspect;
use scanmill_jpeg::Hints;

/// Looks at the clock at every so many coding units, each 8 to 64 pixels wide.
const UNITS_PER_LOOK: u32 = 16;

/// Why a tile did not come out whole.
enum Failure {
    OutOfTime,
    Foreign(String),
    Broken(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Unimplemented(_) => Failure::Foreign(error.to_string()),
            _ => Failure::Broken(error.to_string()),
        }
    }
}

/// The small copy that the file brings; `None` where there is none that can be read.
pub(crate) fn thumbnail(bytes: &[u8], deadline: Deadline) -> Option<Source> {
    let file = Heif::new(bytes).ok()?;
    let copy = file.thumbnail(&file.picture().ok()?)?;
    let mut luma = blank(&copy)?;
    let item = *copy.items.first()?;
    let config = file.config(item).ok()?;
    let (data, _) = file.data(item).ok().filter(|(_, cut)| !cut)?;
    let promised = copy.tile;
    let mut tile = Tile { config: &config, picture: &copy, promised, component: 0, deadline, tints: Tints::default() };
    tile.decode(&data, |y, row| paint(&mut luma, &copy, [0, 0], y, row)).ok()?;
    Some(Source::whole(luma, false))
}

/// Decodes tile after tile. What a file that ends early does not hold is grey.
pub(super) fn decode(bytes: &[u8], header: &Header, aspect: Aspect, deadline: Deadline) -> Result<Source, Rejection> {
    let changed = |flaw| changed(header.format, flaw);
    let file = Heif::new(bytes).map_err(changed)?;
    let photo = file.picture().map_err(changed)?;
    let alpha = file.alpha(&photo);
    let mut hints = Hints { alpha: alpha.is_some(), ..Hints::default() };
    let picture = if aspect == Aspect::Opacity { alpha.ok_or_else(no_alpha)? } else { photo };
    let mut luma =
        blank(&picture).ok_or_else(|| Rejection::new(Reason::Unreadable, "a heic picture without pixels"))?;
    let (mut is_cut, mut tints) = (false, Tints::default());
    if aspect.component() > 0 && picture.chroma == 0 {
        return Err(Rejection::new(Reason::Unsupported, "a grey heic picture has no colours"));
    }
    for (index, &item) in picture.items.iter().enumerate() {
        let config = file.config(item).map_err(changed)?;
        let (data, cut) = file.data(item).map_err(changed)?;
        is_cut |= cut;
        let corner = picture.corner(index);
        let promised = picture.promised(index);
        let mut tile =
            Tile { config: &config, picture: &picture, promised, component: aspect.component(), deadline, tints };
        let decoded = tile.decode(&data, |y, row| paint(&mut luma, &picture, corner, y, row));
        tints = tile.tints;
        let place = format!("heic, part {} of {}", index + 1, picture.items.len());
        match decoded {
            Ok(()) => {}
            Err(Failure::OutOfTime) => {
                return Err(Rejection::new(Reason::TimedOut, format!("{place}: no time left for its pixels")));
            }
            // The part of the tile that is there was painted.
            Err(_) if cut => {}
            Err(Failure::Foreign(what)) => return Err(Rejection::new(Reason::Unsupported, format!("{place}: {what}"))),
            Err(Failure::Broken(what)) => return Err(Rejection::new(Reason::Unreadable, format!("{place}: {what}"))),
        }
    }
    let [blue, red] = tints.cells();
    (hints.blue, hints.red) = (blue, red);
    Ok(Source::whole(luma, is_cut).hinting(hints).shrunk(header.width as f32 / picture.width as f32))
}

/// How a tile is decoded.
struct Tile<'a> {
    config: &'a Config<'a>,
    picture: &'a Picture,
    /// Width and height that it has at least.
    promised: [u32; 2],
    /// Which component its rows are of.
    component: usize,
    deadline: Deadline,
    tints: Tints,
}

impl Tile<'_> {
    /// Decodes the first picture in a tile's data and gives its rows, also when it fails halfway.
    fn decode(&mut self, data: &[u8], mut row: impl FnMut(usize, &[u8])) -> Result<(), Failure> {
        let (config, picture) = (self.config, self.picture);
        let mut sets = ParameterSets::default();
        for set in &config.sets {
            sets.add(&NalUnit::parse(set)?)?;
        }
        // Sets in the data count up to the first slice.
        for unit in (Units { data, length_size: config.length_size }) {
            let unit = NalUnit::parse(unit?)?;
            if unit.header.unit_type.is_slice() {
                break;
            }
            sets.add(&unit)?;
        }
        for sps in sets.sps.iter().flatten() {
            check(sps, picture)?;
        }

        let mut state: Option<(syntax::Picture<'_>, Brightness<'_>)> = None;
        let done = slices(data, self, &sets, &mut state);
        let Some((coded, brightness)) = state else { return done.and(Err(Failure::Broken("no slice".into()))) };
        self.tints = brightness.tints;
        if matches!(done, Err(Failure::OutOfTime)) {
            return done;
        }
        let (frame, sps) = (&brightness.picture.frame, coded.sps);
        let (across, down) = sps.chroma_subsampling();
        let (width, height) = sps.output_size();
        let left = (sps.conf_win_offsets[0] * across) as usize;
        let top = (sps.conf_win_offsets[2] * down) as usize;
        let component = self.component;
        // Each sample of chroma stands for some pixels.
        let [across, down] = if component == 0 { [1, 1] } else { [across as usize, down as usize] };
        let line = frame.widths[component].max(1) as usize;
        let to_eight = frame.bit_depth[component.min(1)].saturating_sub(8);
        let narrow = |sample: &u16| (sample >> to_eight).min(255) as u8;
        let mut pixels = Vec::with_capacity(width as usize);
        for y in 0..height as usize {
            let from = (top + y) / down * line;
            let Some(samples) = frame.planes[component].get(from..from + line) else { break };
            pixels.clear();
            if across == 1 {
                pixels.extend(samples.iter().skip(left).take(width as usize).map(narrow));
            } else {
                let spread = (left..left + width as usize).map_while(|x| samples.get(x / across));
                pixels.extend(spread.map(narrow));
            }
            row(y, &pixels);
        }
        done?;
        if !coded.is_complete() {
            return Err(Failure::Broken("parts of the picture are missing".into()));
        }
        let [wide, high] = self.promised;
        if width < wide || height < high {
            return Err(Failure::Broken(format!("{width} x {height} pixels where {wide} x {high} were promised")));
        }
        Ok(())
    }
}

/// Decodes the slices of the first picture in `data` into `state`.
fn slices<'a>(
    data: &[u8],
    tile: &Tile<'_>,
    sets: &'a ParameterSets,
    state: &mut Option<(syntax::Picture<'a>, Brightness<'a>)>,
) -> Result<(), Failure> {
    let mut before: Option<SliceHeader> = None;
    for unit in (Units { data, length_size: tile.config.length_size }) {
        if tile.deadline.is_over() {
            return Err(Failure::OutOfTime);
        }
        let unit = NalUnit::parse(unit?)?;
        if !unit.header.unit_type.is_slice() {
            continue;
        }
        // The first bit says that a picture begins.
        if state.is_some() && unit.rbsp.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Ok(());
        }
        let slice = SliceHeader::parse(&unit.rbsp, &unit.header, sets, before.as_ref())?;
        let (pps, sps) = sets.get(usize::from(slice.slice_pic_parameter_set_id))?;
        let (coded, brightness) = state.get_or_insert_with(|| {
            let picture = Reconstructor::new(sps, pps);
            (syntax::Picture::new(sps, pps), Brightness::new(picture, sps, pps, tile))
        });
        brightness.picture.start_slice(&slice);
        let blocks = unit.rbsp.get(slice.header_size..).unwrap_or(&[]);
        let luma_quantizer = slice.slice_qp_y(sets)?;
        let decoded =
            catch_panic(|| syntax::decode_slice_segment(coded, &slice, luma_quantizer, blocks, brightness).map(drop));
        if brightness.out_of_time {
            return Err(Failure::OutOfTime);
        }
        decoded.map_err(|panic| Failure::Broken(format!("the decoder panicked: {panic}")))??;
        if let Some(error) = brightness.picture.error.take() {
            return Err(error.into());
        }
        if !slice.dependent_slice_segment_flag {
            before = Some(slice);
        }
    }
    Ok(())
}

/// Refuses a picture that takes more memory than the container promised, before any is taken.
fn check(sps: &Sps, picture: &Picture) -> Result<(), Failure> {
    let [width, height] = picture.coded();
    let is_larger =
        u64::from(sps.pic_width_in_luma_samples) > width || u64::from(sps.pic_height_in_luma_samples) > height;
    if is_larger || sps.chroma_format_idc != picture.chroma {
        let (has_width, has_height) = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples);
        return Err(Failure::Broken(format!(
            "an HEVC picture of {has_width} x {has_height} pixels and chroma format {} where {} x {} and {} were promised",
            sps.chroma_format_idc, picture.tile[0], picture.tile[1], picture.chroma
        )));
    }
    Ok(())
}

/// The units of an item's data, each behind its length.
struct Units<'a> {
    data: &'a [u8],
    length_size: u8,
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<&'a [u8], Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.data.is_empty() {
            return None;
        }
        let data = std::mem::take(&mut self.data);
        let Some((length, rest)) = data.split_at_checked(usize::from(self.length_size)) else {
            return Some(Err(Error::UnexpectedEof));
        };
        let length = length.iter().fold(0usize, |length, &byte| (length << 8) | usize::from(byte));
        // The last unit of a file that was cut is given as far as it goes.
        let (unit, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        self.data = rest;
        Some(Ok(unit))
    }
}

/// Takes the blocks of brightness, and of chroma only where that is wanted; ends the decoder when the time is over.
struct Brightness<'a> {
    picture: Reconstructor<'a>,
    /// Levels are scaled all alike, and by no rare tool.
    is_plain: bool,
    predicted: Box<[i32; 32 * 32]>,
    /// Blocks of chroma are wanted, too.
    has_chroma: bool,
    tints: Tints,
    deadline: Deadline,
    units: u32,
    out_of_time: bool,
}

impl<'a> Brightness<'a> {
    fn new(picture: Reconstructor<'a>, sps: &Sps, pps: &Pps, tile: &Tile<'_>) -> Brightness<'a> {
        let is_plain = sps.scaling_list.is_none()
            && pps.scaling_list.is_none()
            && !pps.range_extension.cross_component_prediction_enabled_flag
            && (8..=12).contains(&sps.bit_depth_luma);
        Brightness {
            picture,
            is_plain,
            predicted: Box::new([0; 32 * 32]),
            has_chroma: tile.component > 0,
            tints: tile.tints,
            deadline: tile.deadline,
            units: 0,
            out_of_time: false,
        }
    }

    /// Predicts a block with levels and adds what they stand for.
    fn paint(&mut self, block: &TransformBlock<'_>, levels: &[i32]) {
        let size = 1usize << block.log2_size;
        let predicted = self.predicted.get_mut(..size * size).unwrap_or_default();
        self.picture.predict_block(0, block.x, block.y, size, block.intra_mode, predicted);
        let frame = &mut self.picture.frame;
        let bit_depth = i32::from(frame.bit_depth[0]);
        let (columns, rows) = block.coeff_bounds;
        let filled = LevelBlock {
            levels,
            size,
            filled: [columns, rows].map(usize::from),
            quantizer: block.qp_y + 6 * (bit_depth - 8),
            bit_depth,
            predicted,
        };
        let stride = frame.widths[0] as usize;
        residual::paint(&filled, &mut frame.planes[0], stride, block.y as usize * stride + block.x as usize);
        self.picture.set_reconstructed(block.x, block.y, size as u32, size as u32, true);
    }
}

impl Sink for Brightness<'_> {
    fn transform_block(&mut self, block: &TransformBlock<'_>) {
        self.tints.block(block);
        if block.c_idx != 0 && !self.has_chroma {
            return;
        }
        match block.coeffs {
            Some(levels) if block.c_idx == 0 && self.is_plain && !block.transform_skip && !block.transquant_bypass => {
                self.paint(block, levels);
            }
            _ => self.picture.transform_block(block),
        }
    }

    fn pcm(&mut self, x: u32, y: u32, log2_size: u8, [luma, blue, red]: [&[u16]; 3]) {
        let chroma = if self.has_chroma { [blue, red] } else { [&[][..], &[]] };
        self.picture.pcm(x, y, log2_size, [luma, chroma[0], chroma[1]]);
    }

    fn coding_unit(&mut self, unit: &CodingUnit) {
        self.tints.unit(unit);
        self.units = self.units.wrapping_add(1);
        if self.units.is_multiple_of(UNITS_PER_LOOK) && self.deadline.is_over() {
            self.out_of_time = true;
            // The only way out of a decoder that knows no deadline. Not `panic!`: nothing is wrong, no hook should run.
            resume_unwind(Box::new("HEVC ran out of its time"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A picture with every kind of block: flat, slanted, noisy.
    fn photo(quality: u8) -> Vec<u8> {
        let grey = |at: usize| {
            let (x, y) = (at % 256, at / 256);
            let noise = (at as u32).wrapping_mul(2_654_435_761) >> 24;
            match (x / 64 + y / 64) % 4 {
                0 => 90,
                1 => (x + y) as u32 / 2,
                2 => noise,
                _ => {
                    if x / 5 % 2 == y / 5 % 2 {
                        20
                    } else {
                        230
                    }
                }
            }
        };
        let data = (0..256 * 256).flat_map(|at| [grey(at) as u16, grey(at) as u16, grey(at) as u16, 255]).collect();
        let image = heifer::Image { width: 256, height: 256, bit_depth: 8, has_alpha: false, data };
        let options = heifer::EncodeOptions { quality, max_threads: 1 };
        heifer::encode_with_metadata(&image, &heifer::Metadata::default(), &options).unwrap()
    }

    /// Texture whose colour changes with its brightness, but less; sharp enough to have chroma of every frequency.
    fn texture(colour_only: bool) -> Vec<u8> {
        let noise = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 24) as i32 - 128;
        let pixel = |at: usize| {
            let (x, y) = (at % 256, at / 256);
            // Fine chroma at the foot of a slope, where brightness has next to no coefficients.
            let tint = if x / 64 % 2 == 0 { noise(at / 2) / 24 } else { noise(at) / 6 };
            let grey = 60 + (x + y) as i32 / 4 + if x / 64 % 2 == 0 { 0 } else { noise(at + 7) / 3 };
            let drawn = if colour_only && x / 6 % 2 == y / 6 % 2 { 50 } else { 0 };
            [grey + tint + drawn, grey - tint / 2 - drawn / 2, grey, 255].map(|sample| sample.clamp(0, 255) as u16)
        };
        let data = (0..256 * 256).flat_map(pixel).collect();
        let image = heifer::Image { width: 256, height: 256, bit_depth: 8, has_alpha: false, data };
        let options = heifer::EncodeOptions { quality: 95, max_threads: 1 };
        heifer::encode_with_metadata(&image, &heifer::Metadata::default(), &options).unwrap()
    }

    /// Each further aspect is the whole photo decoded again.
    #[test]
    fn colours_are_looked_at_only_where_something_is_drawn_in_them() {
        let aspects = |bytes: &[u8]| {
            let limits = crate::DecodeLimits {
                max_file_bytes: 1 << 20,
                max_pixels: 1 << 20,
                max_side: 1 << 10,
                max_pixels_per_byte: 1_000,
                time_budget: Duration::from_secs(600),
                heic_time_budget: None,
                first_only: false,
                place_zone: false,
            };
            let header = crate::inspect(bytes, &limits).unwrap();
            let deadline = Deadline::after(Duration::from_secs(600));
            decode(bytes, &header, Aspect::Brightness, deadline).unwrap().hints().aspects().collect::<Vec<_>>()
        };
        assert_eq!(aspects(&texture(false)), []);
        assert!(aspects(&texture(true)).contains(&Aspect::Redness));
    }

    #[test]
    fn brightness_is_that_of_the_decoder_itself() {
        for quality in [10, 40, 70, 95] {
            let bytes = photo(quality);
            let file = Heif::new(&bytes).unwrap();
            let picture = file.picture().unwrap();
            let config = file.config(picture.items[0]).unwrap();
            let (data, _) = file.data(picture.items[0]).unwrap();
            let mut sets = ParameterSets::default();
            for set in &config.sets {
                sets.add(&NalUnit::parse(set).unwrap()).unwrap();
            }
            let mut state = None;
            let deadline = Deadline::after(Duration::from_secs(600));
            let tile = Tile {
                config: &config,
                picture: &picture,
                promised: picture.tile,
                component: 0,
                deadline,
                tints: Tints::default(),
            };
            assert!(slices(&data, &tile, &sets, &mut state).is_ok());
            let ours = &state.unwrap().1.picture.frame.planes[0];

            let unit = NalUnit::parse(Units { data: &data, length_size: config.length_size }.last().unwrap().unwrap())
                .unwrap();
            let slice = SliceHeader::parse(&unit.rbsp, &unit.header, &sets, None).unwrap();
            let (pps, sps) = sets.get(usize::from(slice.slice_pic_parameter_set_id)).unwrap();
            let (mut coded, mut theirs) = (syntax::Picture::new(sps, pps), Reconstructor::new(sps, pps));
            theirs.start_slice(&slice);
            let quantizer = slice.slice_qp_y(&sets).unwrap();
            let blocks = &unit.rbsp[slice.header_size..];
            syntax::decode_slice_segment(&mut coded, &slice, quantizer, blocks, &mut theirs).unwrap();
            assert_eq!(ours, &theirs.frame.planes[0], "quality {quality}");
        }
    }
}
