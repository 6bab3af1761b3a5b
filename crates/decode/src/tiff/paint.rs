//! Rows of samples to brightness, and strips and tiles to their places.

use super::directory::Tag;
use super::page::{Numbers, Packing, Page, Photometric};
use super::range::Range;
use super::unpack::{Rows, Stop};
use super::{TiffError, TiffPicture};
use scanmill_jpeg::{self as jpeg, Colour, Picture as Jpeg, Watch};
use scanmill_jpeg::{Aspect, Luma};
use scanmill_jpeg::{Hints, Survey};

/// Brightness of what the file does not hold.
const MISSING: u8 = 128;

/// See [`super::read`].
pub(super) fn read(page: &Page<'_>, aspect: Aspect, keep_on: &dyn Fn() -> bool) -> Result<TiffPicture, TiffError> {
    let size = [page.width as usize, page.height as usize];
    if page.packing == Packing::OldJpeg {
        return old_jpeg(page, size, aspect, keep_on);
    }
    let mut painter = Painter::new(page, aspect);
    let picture = painted(&mut painter, size, keep_on)?;
    // Not all wide numbers fill their range: a sensor's 12 bits in 16, counts of 0 to 255 as floats or in 32 bits.
    match painter.range.fitting(page) {
        Some(range) => {
            // One picture at a time is what the guard has counted.
            drop(picture);
            painted(&mut Painter { range, ..Painter::new(page, aspect) }, size, keep_on)
        }
        None => Ok(picture),
    }
}

/// The picture with what the painter takes for white.
fn painted(painter: &mut Painter<'_>, size: [usize; 2], keep_on: &dyn Fn() -> bool) -> Result<TiffPicture, TiffError> {
    let page = painter.page;
    let mut luma = Luma::blank(size[0], size[1]);
    luma.pixels_mut().fill(MISSING);
    let grid = page.grid();
    let (mut cut, mut is_first) = (false, true);
    for index in 0..grid[0] * grid[1] {
        if !keep_on() {
            break;
        }
        let corner = [index % grid[0] * page.chunk[0], index / grid[0] * page.chunk[1]];
        let mut is_cut = false;
        let mut packed = Vec::new();
        for plane in painter.planes() {
            let (bytes, cut) = chunk(&page, plane * grid[0] * grid[1] + index);
            is_cut |= cut;
            packed.push(bytes);
        }
        let result = match page.packing {
            Packing::Jpeg => painter.paint_jpeg(&packed, corner, &mut luma, keep_on),
            _ => painter.paint(&packed, corner, &mut luma),
        };
        match result {
            Ok(()) => is_first = false,
            // A strip that ends early is that of a file cut short, or its own fault.
            Err((rows, _)) if is_cut && (rows > 0 || !is_first) => cut = true,
            Err(_) if is_cut => return Err(TiffError::Cut),
            Err((_, TiffError::Broken(what))) => {
                let name = if page.chunk[0] == size[0] { "strip" } else { "tile" };
                return Err(TiffError::Broken(format!("{name} {} of {}: {what}", index + 1, grid[0] * grid[1])));
            }
            Err((_, fault)) => return Err(fault),
        }
    }
    Ok(TiffPicture { luma, hints: painter.hints(), cut })
}

/// The packed bytes of a strip or tile, and whether the file ends before they do.
fn chunk<'a>(page: &Page<'a>, index: usize) -> (&'a [u8], bool) {
    let file = page.directory.file.bytes;
    let Ok(offset) = page.offsets.get(index) else { return (&[], true) };
    let from = usize::try_from(offset).ok().and_then(|offset| file.get(offset..));
    // Some writers leave the lengths out, or say zero: to the end then.
    let length = page.counts.and_then(|counts| counts.get(index).ok()).filter(|&length| length > 0);
    let Some(rest) = from else { return (&[], true) };
    match length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)) {
        Some(length) => rest.get(..length).map_or((rest, true), |bytes| (bytes, false)),
        None => (rest, false),
    }
}

/// Where rows become brightness.
struct Painter<'a> {
    page: Page<'a>,
    aspect: Aspect,
    survey: Survey,
    /// The colour of each number of a palette.
    palette: Option<Box<[[u8; 4]; 256]>>,
    /// Samples of 8 bits of a row, pixel by pixel.
    samples: Vec<u8>,
    row: Vec<u8>,
    range: Range,
}

/// Rows that were painted before it went wrong, and how.
type Painted = Result<(), (usize, TiffError)>;

impl<'a> Painter<'a> {
    fn new(page: &Page<'a>, aspect: Aspect) -> Painter<'a> {
        let palette = (page.photometric == Photometric::Palette).then(|| palette(page));
        Painter {
            page: *page,
            aspect,
            survey: Survey::default(),
            palette,
            samples: Vec::new(),
            row: Vec::new(),
            range: Range::default(),
        }
    }

    fn hints(&mut self) -> Hints {
        let is_jpeg = self.page.packing == Packing::Jpeg && !self.page.planar && self.page.samples >= 3;
        let is_shared = self.page.is_subsampled() && !self.page.planar;
        if is_jpeg || is_shared { Hints::unknown(false) } else { std::mem::take(&mut self.survey).hints() }
    }

    /// The planes whose samples are needed; the one that there is where samples come together.
    fn planes(&self) -> Vec<usize> {
        if !self.page.planar {
            return vec![0];
        }
        let colours = match self.page.photometric {
            Photometric::Rgb => 3,
            Photometric::Cmyk => 4,
            _ => 1,
        };
        (0..colours).chain(self.page.alpha.map(|alpha| alpha.index)).collect()
    }

    fn paint(&mut self, packed: &[&'a [u8]], corner: [usize; 2], luma: &mut Luma) -> Painted {
        let page = self.page;
        let mut planes: Vec<Rows<'a>> = packed.iter().map(|bytes| Rows::new(&page, bytes)).collect();
        let mut row = std::mem::take(&mut self.row);
        row.resize(page.row_bytes(), 0);
        let lines = if page.is_subsampled() { page.subsampling[1] } else { 1 };
        let height = page.chunk[1].min(luma.height().saturating_sub(corner[1]));
        let width = page.chunk[0].min(luma.width().saturating_sub(corner[0]));
        let mut done = Ok(());
        for y in (0..height).step_by(lines) {
            let count = planes.len();
            for (plane, rows) in planes.iter_mut().enumerate() {
                if let Err(stop) = rows.next(&mut row) {
                    let what = match stop {
                        Stop::Short => "its data ends too early",
                        Stop::Broken(what) => what,
                    };
                    done = Err((y, TiffError::Broken(what.to_owned())));
                    break;
                }
                if !page.is_subsampled() {
                    self.take(&row, plane, count);
                }
            }
            if done.is_err() {
                break;
            }
            for line in 0..lines.min(height - y) {
                let out = luma.rows_mut().nth(corner[1] + y + line);
                let Some(out) = out.and_then(|out| out.get_mut(corner[0]..corner[0] + width)) else { break };
                if page.is_subsampled() {
                    unit_rows(&row, page.subsampling, line, self.aspect, out);
                } else {
                    self.show(corner[1] + y + line, count, out);
                }
            }
        }
        self.row = row;
        done
    }

    /// Samples of a row, brought to 8 bits, into their places among those of other planes.
    fn take(&mut self, row: &[u8], plane: usize, planes: usize) {
        let page = &self.page;
        let count = page.chunk[0] * page.samples_in_row();
        self.samples.resize(count.max(page.chunk[0] * planes), 0);
        let step = if page.planar { planes } else { 1 };
        let places = self.samples.iter_mut().skip(plane).step_by(step);
        match (page.bits, page.numbers) {
            (8, Numbers::Unsigned) => places.zip(row).for_each(|(place, &sample)| *place = sample),
            (16 | 32 | 64, _) | (8, _) => {
                let little = page.directory.file.little;
                let samples = row.chunks_exact(page.bits / 8);
                let range = &mut self.range;
                places.zip(samples).for_each(|(place, sample)| *place = range.eight_bits(sample, little, page.numbers));
            }
            (bits, _) => {
                // A palette's numbers stay as they are.
                let is_number = self.palette.is_some();
                for (index, place) in places.take(count).enumerate() {
                    *place = packed_bits(row, index * bits, bits, is_number);
                }
            }
        }
    }

    /// Makes a row `y` of what the samples taken are seen as.
    fn show(&mut self, y: usize, planes: usize, out: &mut [u8]) {
        let mut survey = std::mem::take(&mut self.survey);
        let step = if self.page.planar { planes } else { self.page.samples };
        let pixels = || self.samples.chunks_exact(step);
        match (self.aspect, self.page.photometric) {
            (Aspect::Redness | Aspect::Blueness, Photometric::Ycbcr) => {
                let tint = |pixel: &[u8]| pixel.get(self.aspect.component()).copied().unwrap_or(128);
                out.iter_mut().zip(pixels()).for_each(|(out, pixel)| *out = tint(pixel));
            }
            (Aspect::Brightness, Photometric::Ycbcr) if step >= 3 => {
                let pixel = |x: usize| self.samples.get(x * step..).and_then(<[u8]>::first_chunk::<3>);
                survey.tinted_row(y, out.len(), |x| pixel(x).map_or([128; 3], |&[grey, blue, red]| [grey, red, blue]));
                out.iter_mut().zip(pixels()).for_each(|(out, pixel)| *out = self.aspect.of(self.colour(pixel, planes)));
            }
            _ => {
                if self.aspect == Aspect::Brightness && (step > 1 || self.palette.is_some()) {
                    let pixel = |x: usize| self.samples.get(x * step..(x + 1) * step).unwrap_or(&[]);
                    survey.row(y, out.len(), |x| {
                        let [red, green, blue, alpha] = self.colour(pixel(x), planes);
                        [red, green, blue, self.unnamed(pixel(x)).unwrap_or(alpha)]
                    });
                }
                out.iter_mut().zip(pixels()).for_each(|(out, pixel)| *out = self.aspect.of(self.colour(pixel, planes)));
            }
        }
        self.survey = survey;
    }

    /// A fourth sample beside three colours of which the file does not say what it is: alpha, most often, but nothing that
    /// the brightness may be changed by.
    fn unnamed(&self, pixel: &[u8]) -> Option<u8> {
        let is_one = self.page.alpha.is_none() && self.page.photometric == Photometric::Rgb && !self.page.planar;
        pixel.get(3).copied().filter(|_| is_one)
    }

    /// Red, green, blue and alpha of a pixel's samples.
    fn colour(&self, pixel: &[u8], planes: usize) -> [u8; 4] {
        let page = &self.page;
        let grey = |grey: u8| [grey, grey, grey];
        let mut colour = match (page.photometric, pixel) {
            (Photometric::Palette, &[number, ..]) => {
                let of_number = self.palette.as_ref().map(|palette| palette[usize::from(number)]);
                of_number.map_or(grey(number), |[red, green, blue, _]| [red, green, blue])
            }
            (Photometric::WhiteIsZero, &[white, ..]) => grey(255 - white),
            (Photometric::Rgb, &[red, green, blue, ..]) => [red, green, blue],
            (Photometric::Cmyk, &[cyan, magenta, yellow, black, ..]) => {
                [cyan, magenta, yellow].map(|ink| over_black(255 - ink, 255 - black))
            }
            (_, &[value, ..]) => grey(value),
            (_, []) => grey(MISSING),
        };
        let Some(alpha) = page.alpha else {
            let unnamed = self.unnamed(pixel).filter(|_| self.aspect == Aspect::Opacity);
            return with_alpha(colour, unnamed.unwrap_or(255));
        };
        let Some(&opacity) = pixel.get(if page.planar { planes - 1 } else { alpha.index }) else {
            return with_alpha(colour, 255);
        };
        if alpha.associated {
            // Multiplied with it already.
            let undone = |channel: u8| (u32::from(channel) * 255 / u32::from(opacity.max(1))).min(255) as u8;
            colour = colour.map(undone);
        }
        with_alpha(colour, opacity)
    }

    /// Paints a strip or tile that is a JPEG picture; of planes each is one.
    fn paint_jpeg(
        &mut self,
        packed: &[&'a [u8]],
        corner: [usize; 2],
        luma: &mut Luma,
        keep_on: &dyn Fn() -> bool,
    ) -> Painted {
        let page = self.page;
        let tables = page.directory.values(Tag::JpegTables).ok().flatten().map_or(&[][..], |values| values.bytes());
        let colour = match page.photometric {
            _ if page.planar => Colour::Luma,
            Photometric::Rgb => Colour::Rgb,
            Photometric::Cmyk => Colour::Inks,
            _ => Colour::Luma,
        };
        let mut pictures = Vec::new();
        for bytes in packed {
            let joined = join(tables, bytes);
            pictures.push(
                jpeg_picture(&joined, self.aspect, Some(colour), page.chunk, keep_on).map_err(|fault| (0, fault))?,
            );
        }
        let width = page.chunk[0].min(luma.width().saturating_sub(corner[0]));
        let rows = luma.rows_mut().skip(corner[1]).take(page.chunk[1]);
        for (y, out) in rows.enumerate() {
            let Some(out) = out.get_mut(corner[0]..corner[0] + width) else { break };
            if page.planar {
                let count = pictures.len();
                for (plane, picture) in pictures.iter().enumerate() {
                    let mut row = picture.row(y).to_vec();
                    row.resize(page.chunk[0], MISSING);
                    self.take(&row, plane, count);
                }
                self.show(corner[1] + y, count, out);
                continue;
            }
            for (out, &grey) in out.iter_mut().zip(pictures.first().map_or(&[][..], |picture| picture.row(y))) {
                *out = if page.photometric == Photometric::WhiteIsZero { 255 - grey } else { grey };
            }
        }
        Ok(())
    }
}

fn with_alpha([red, green, blue]: [u8; 3], alpha: u8) -> [u8; 4] {
    [red, green, blue, alpha]
}

fn over_black(paper: u8, light: u8) -> u8 {
    ((u32::from(paper) * u32::from(light) + 127) / 255) as u8
}

/// A JPEG picture that is not larger than it may be.
fn jpeg_picture(
    bytes: &[u8],
    aspect: Aspect,
    colour: Option<Colour>,
    most: [usize; 2],
    keep_on: &dyn Fn() -> bool,
) -> Result<Luma, TiffError> {
    let (picture, _) =
        jpeg::open_within(bytes, aspect, colour, most, Watch::roomy(keep_on)).map_err(|fault| match fault {
            jpeg::JpegError::Unsupported(what) => TiffError::Unsupported(what),
            jpeg::JpegError::Broken(what) => TiffError::Broken(format!("JPEG: {what}")),
            jpeg::JpegError::Cut | jpeg::JpegError::NoRoom => {
                TiffError::Broken("JPEG: it ends before its picture".to_owned())
            }
        })?;
    Ok(match picture {
        Jpeg::Scalable(_, scale) if scale > 1.0 => widened(picture, scale as usize, most),
        picture => picture.whole(),
    })
}

/// Chroma with as many pixels as there are of brightness.
fn widened(picture: Jpeg, times: usize, most: [usize; 2]) -> Luma {
    let small = picture.whole();
    let mut full = Luma::blank((small.width() * times).min(most[0]), (small.height() * times).min(most[1]));
    for (y, out) in full.rows_mut().enumerate() {
        let row = small.row(y / times);
        out.iter_mut().enumerate().for_each(|(x, out)| *out = row.get(x / times).copied().unwrap_or(MISSING));
    }
    full
}

/// Tables and a picture, each a JPEG stream, as one.
fn join(tables: &[u8], bytes: &[u8]) -> Vec<u8> {
    const START: &[u8] = &[0xff, 0xd8];
    let tables = tables.strip_prefix(START).unwrap_or(tables);
    let tables = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
    [START, tables, bytes.strip_prefix(START).unwrap_or(bytes)].concat()
}

/// The picture of the sixth version's JPEG compression, where a whole JPEG file holds it, as most writers had it.
fn old_jpeg(
    page: &Page<'_>,
    size: [usize; 2],
    aspect: Aspect,
    keep_on: &dyn Fn() -> bool,
) -> Result<TiffPicture, TiffError> {
    const OTHER: TiffError = TiffError::Unsupported("old-style JPEG compression in pieces");
    let file = page.directory.file.bytes;
    let place = page.directory.value(Tag::JpegInterchangeFormat).ok().flatten();
    let places = place.into_iter().chain(page.offsets.get(0).ok());
    let mut streams = places.filter_map(|place| file.get(usize::try_from(place).ok()?..));
    let stream = streams.find(|bytes| bytes.starts_with(&[0xff, 0xd8])).ok_or(OTHER)?;
    let luma = jpeg_picture(stream, aspect, None, size, keep_on).map_err(|fault| match fault {
        // Its tables are elsewhere.
        TiffError::Broken(_) => OTHER,
        fault => fault,
    })?;
    if [luma.width(), luma.height()] != size {
        return Err(OTHER);
    }
    Ok(TiffPicture { luma, hints: Hints::unknown(false), cut: false })
}

/// Takes an aspect of one of the rows that share chroma: groups of pixels, row by row, with two samples behind.
fn unit_rows(row: &[u8], [across, down]: [usize; 2], line: usize, aspect: Aspect, out: &mut [u8]) {
    let chroma = aspect.component().checked_sub(1);
    for (out, unit) in out.chunks_mut(across).zip(row.chunks_exact(across * down + 2)) {
        match chroma {
            Some(which) => out.fill(unit.get(across * down + which).copied().unwrap_or(MISSING)),
            None => out.iter_mut().zip(unit.iter().skip(line * across)).for_each(|(out, &grey)| *out = grey),
        }
    }
}

/// A sample of any number of bits, the uppermost first: as it is, or brought to 8 bits.
fn packed_bits(row: &[u8], from: usize, bits: usize, as_it_is: bool) -> u8 {
    let mut value = 0u64;
    for at in from..from + bits.min(16) {
        let byte = row.get(at / 8).copied().unwrap_or(0);
        value = value << 1 | u64::from(byte >> (7 - at % 8) & 1);
    }
    let most = (1u64 << bits.min(16)) - 1;
    if as_it_is { value as u8 } else { (value * 255 / most) as u8 }
}

/// Its colours: all reds, then all greens, then all blues, of 16 bits; some write 8.
fn palette(page: &Page<'_>) -> Box<[[u8; 4]; 256]> {
    let mut colours = Box::new([[0, 0, 0, 255]; 256]);
    let Ok(Some(values)) = page.directory.values(Tag::ColorMap) else { return colours };
    let count = 1usize << page.bits.min(8);
    let at = |index: usize| values.get(index).unwrap_or(0);
    let shift = if (0..3 * count).any(|index| at(index) > 255) { 8 } else { 0 };
    for (number, place) in colours.iter_mut().enumerate().take(count) {
        let colour = [0, 1, 2].map(|colour| (at(colour * count + number) >> shift) as u8);
        *place = with_alpha(colour, 255);
    }
    colours
}
