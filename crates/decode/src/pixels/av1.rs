//! One AV1 picture through `rav1d` (as `re_rav1d` publishes it): the only place that calls it.
//!
//! Its interface is that of the C library it was translated from, so it takes pointers, and a panic in it ends the
//! process rather than unwinding: [`decode`] is to be called through [`super::super::catch_panic::aside`] only.

use std::mem::MaybeUninit;
use std::ptr::{NonNull, copy_nonoverlapping};
use std::slice::from_raw_parts;

use rav1d::include::dav1d::data::Dav1dData;
use rav1d::include::dav1d::dav1d::{DAV1D_INLOOPFILTER_NONE, Dav1dContext, Dav1dLogger, Dav1dSettings};
use rav1d::include::dav1d::headers::{
    DAV1D_MC_IDENTITY, DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422,
};
use rav1d::include::dav1d::picture::Dav1dPicture;
use rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
    dav1d_picture_unref, dav1d_send_data,
};

use scanmill_jpeg::Aspect;
use scanmill_jpeg::{Hints, Survey};

/// What came of the data.
pub(super) enum Av1Error {
    /// Larger than was allowed.
    Large,
    /// A kind that the decoder does not know.
    Foreign,
    Broken,
}

/// One component of a decoded picture at the size of the whole, in eight bits.
pub(super) struct Av1Frame {
    pub width: usize,
    pub height: usize,
    pub samples: Vec<u8>,
    pub hints: Hints,
}

/// Decodes the first picture in `data`, of at most so many pixels. `component`: 0 brightness, 1 blueness, 2 redness.
pub(super) fn decode(data: &[u8], most_pixels: u32, component: usize) -> Result<Av1Frame, Av1Error> {
    let context = Context::open(most_pixels).ok_or(Av1Error::Broken)?;
    let mut data = Data::copy(data).ok_or(Av1Error::Broken)?;
    let mut picture = DecodedPicture(Dav1dPicture::default());
    loop {
        // SAFETY: the context is open and the data was made by the decoder; both live until the call is over.
        let sent = unsafe { dav1d_send_data(Some(context.0), Some(NonNull::from(&mut data.0))) }.0;
        if sent != 0 && sent != AGAIN {
            return Err(fault(sent));
        }
        let left = data.0.sz;
        // SAFETY: the context is open and the picture may be written to.
        let got = unsafe { dav1d_get_picture(Some(context.0), Some(NonNull::from(&mut picture.0))) }.0;
        match got {
            0 => return picture.frame(component).ok_or(Av1Error::Broken),
            AGAIN if sent == AGAIN && left > 0 => {}
            AGAIN => return Err(Av1Error::Broken),
            error => return Err(fault(error)),
        }
    }
}

/// Results are negated numbers of errors of the C library.
const AGAIN: i32 = -libc::EAGAIN;

fn fault(result: i32) -> Av1Error {
    match -result {
        libc::ERANGE => Av1Error::Large,
        libc::ENOPROTOOPT => Av1Error::Foreign,
        _ => Av1Error::Broken,
    }
}

/// An open decoder.
struct Context(Dav1dContext);

impl Context {
    fn open(most_pixels: u32) -> Option<Context> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: it writes all of the settings and reads none.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::new(settings.as_mut_ptr())?);
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.frame_size_limit = most_pixels;
        // Grain is noise to a reader of codes. As in HEIC, the filters over block edges cost more than they show.
        settings.apply_grain = 0;
        settings.inloop_filters = DAV1D_INLOOPFILTER_NONE;
        // SAFETY: there is nothing to call. By default it writes to standard error.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut context = None;
        // SAFETY: both may be read and written until the call is over.
        unsafe { dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) };
        context.map(Context)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it is open and nobody uses it any more.
        unsafe { dav1d_close(Some(NonNull::from(&mut Some(self.0)))) }
    }
}

/// Data as the decoder holds it.
struct Data(Dav1dData);

impl Data {
    fn copy(bytes: &[u8]) -> Option<Data> {
        let mut data = Data(Dav1dData::default());
        // SAFETY: the data may be written to.
        let place = NonNull::new(unsafe { dav1d_data_create(Some(NonNull::from(&mut data.0)), bytes.len()) })?;
        // SAFETY: there is room for as many bytes, and nobody else has them yet.
        unsafe { copy_nonoverlapping(bytes.as_ptr(), place.as_ptr(), bytes.len()) };
        Some(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: it was made by the decoder, or is the default, which holds nothing.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut self.0))) }
    }
}

/// A picture as the decoder holds it.
struct DecodedPicture(Dav1dPicture);

impl Drop for DecodedPicture {
    fn drop(&mut self) {
        // One that was never filled makes the decoder panic.
        if self.0.r#ref.is_some() {
            // SAFETY: it was made by the decoder.
            unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) }
        }
    }
}

impl DecodedPicture {
    fn frame(&self, component: usize) -> Option<Av1Frame> {
        let [width, height] = [self.0.p.w, self.0.p.h].map(|side| usize::try_from(side).unwrap_or(0));
        // SAFETY: a picture has the header of its sequence, which lives as long.
        let is_rgb = unsafe { self.0.seq_hdr?.as_ref() }.mtrx == DAV1D_MC_IDENTITY;
        let grey = self.plane(0)?;
        let colours =
            (self.0.p.layout != DAV1D_PIXEL_LAYOUT_I400).then(|| Some([self.plane(1)?, self.plane(2)?])).flatten();
        let mut survey = Survey::default();
        let mut samples = vec![0; width.checked_mul(height)?];
        for (y, out) in samples.chunks_exact_mut(width.max(1)).enumerate() {
            let row = grey.row(y);
            match &colours {
                // Planes of green, blue and red.
                Some(colours) if is_rgb => {
                    let [blue, red] = [colours[0].row(y), colours[1].row(y)];
                    let pixel = |x| [red.at(x), row.at(x), blue.at(x), u8::MAX];
                    survey.row(y, width, pixel);
                    let aspect = [Aspect::Brightness, Aspect::Blueness, Aspect::Redness][component.min(2)];
                    out.iter_mut().enumerate().for_each(|(x, out)| *out = aspect.of(pixel(x)));
                }
                Some(colours) => {
                    let [blue, red] = [colours[0].row(y), colours[1].row(y)];
                    survey.tinted_row(y, width, |x| [row.at(x), red.at(x), blue.at(x)]);
                    let row = [row, blue, red][component.min(2)];
                    out.iter_mut().enumerate().for_each(|(x, out)| *out = row.at(x));
                }
                None if component > 0 => return None,
                None => out.iter_mut().enumerate().for_each(|(x, out)| *out = row.at(x)),
            }
        }
        Some(Av1Frame { width, height, samples, hints: Hints { alpha: false, ..survey.hints() } })
    }

    fn plane(&self, index: usize) -> Option<Plane<'_>> {
        let [across, down] = match self.0.p.layout {
            _ if index == 0 => [0, 0],
            DAV1D_PIXEL_LAYOUT_I420 => [1, 1],
            DAV1D_PIXEL_LAYOUT_I422 => [1, 0],
            _ => [0, 0],
        };
        let side = |side: i32, shift: u32| (usize::try_from(side).unwrap_or(0) + (1 << shift) - 1) >> shift;
        let (width, height) = (side(self.0.p.w, across), side(self.0.p.h, down));
        let stride = usize::try_from(self.0.stride[index.min(1)]).ok()?;
        let depth = u32::try_from(self.0.p.bpc).ok()?.clamp(8, 16);
        let line = width * if depth > 8 { 2 } else { 1 };
        if height == 0 || line > stride {
            return None;
        }
        let first = self.0.data.get(index).copied().flatten()?;
        // SAFETY: each of the rows begins `stride` bytes after the one before and is `line` bytes long, and the picture
        // is there as long as `self`.
        let bytes = unsafe { from_raw_parts(first.as_ptr().cast::<u8>(), stride * (height - 1) + line) };
        Some(Plane { bytes, stride, line, last: height - 1, shifts: [across, down], depth })
    }
}

/// Samples of one component.
struct Plane<'a> {
    bytes: &'a [u8],
    stride: usize,
    line: usize,
    last: usize,
    /// By how many bits a pixel's place is larger than its sample's.
    shifts: [u32; 2],
    depth: u32,
}

/// A row of them, by the pixel.
#[derive(Clone, Copy)]
struct SampleRow<'a> {
    bytes: &'a [u8],
    shift: u32,
    depth: u32,
}

impl<'a> Plane<'a> {
    fn row(&self, y: usize) -> SampleRow<'a> {
        let from = (y >> self.shifts[1]).min(self.last) * self.stride;
        let bytes = self.bytes.get(from..from + self.line).unwrap_or_default();
        SampleRow { bytes, shift: self.shifts[0], depth: self.depth }
    }
}

impl SampleRow<'_> {
    #[inline]
    fn at(self, x: usize) -> u8 {
        let x = x >> self.shift;
        if self.depth == 8 {
            return self.bytes.get(x).copied().unwrap_or_default();
        }
        let sample = self.bytes.get(2 * x..2 * x + 2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes);
        (sample.unwrap_or_default() >> (self.depth - 8)).min(255) as u8
    }
}
