//! Bytes to reading: no I/O, no async, never a panic that leaves it.
//!
//! [`inspect`] looks at the header only and says what the decode will cost; [`read`] decodes pixels and climbs the
//! ladder of readers. EXIF is read on its own: it never fails a photo, and a photo that fails still has it.

#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

use std::time::Duration;

use scanmill_core::cpu::thread_cpu;
use scanmill_core::domain::{Capture, Format, Reading, Reason, Rejection};

mod aspects;
mod catch_panic;
mod clock;
mod content;
pub mod exif;
mod gazetteer;
mod guard;
mod heif;
mod ladder;
mod pixels;
mod qr;
mod room;
mod scale;
#[cfg(feature = "heic")]
mod stages;
mod thumbnail;
mod tiff;
mod upright;
mod wide;

use clock::Deadline;
pub use ladder::rung_names;
pub use room::Room;
pub use scanmill_jpeg::{self as jpeg, Luma};
pub use thumbnail::{is_slow, thumbnail};

/// What a photo may be and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct DecodeLimits {
    /// Largest file in bytes.
    pub max_file_bytes: u64,
    /// Largest picture in pixels.
    pub max_pixels: u64,
    /// Longest side in pixels.
    pub max_side: u32,
    /// Most pixels per byte of file.
    pub max_pixels_per_byte: u32,
    /// CPU time for one photo; of a HEIC photo, for reading its codes once it has its pixels.
    pub time_budget: Duration,
    /// CPU time for one HEIC photo, pixels and codes; `None` where HEIC is turned off.
    pub heic_time_budget: Option<Duration>,
    /// Stop at the first code instead of looking for all.
    pub first_only: bool,
    /// Take the offset of the time zone at the place where the photo gives none.
    pub place_zone: bool,
}

/// What the header says, checked against the limits, before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Format by content.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The most memory that decoding may take, in bytes: pixels plus the codec's own working memory.
    pub decode_bytes: u64,
    /// The memory that its first look takes, in bytes, as far as the header tells: see [`read_within`].
    pub first_bytes: u64,
    /// The memory that opening the picture takes; of JPEG about so much.
    open_bytes: u64,
}

/// Sniffs the format and reads the header: microseconds, and no allocation that the header could make large.
///
/// # Errors
/// The rejection, for content that is empty, unsupported, over a limit, or whose header does not parse.
pub fn inspect(bytes: &[u8], limits: &DecodeLimits) -> Result<Header, Rejection> {
    guard::inspect(bytes, limits)
}

/// Reads one photo whose header was inspected: pixels, codes, EXIF. Panics of codecs are contained here and become
/// [`scanmill_core::domain::Reason::DecoderFault`].
pub fn read(bytes: &[u8], header: &Header, limits: &DecodeLimits) -> Reading {
    reading(bytes, header, limits, &Room::boundless())
}

/// The same in the memory that is reserved, [`Header::first_bytes`] at first, and more where it is granted. `None` where it
/// was not: with [`Header::decode_bytes`] reserved, every photo is read.
pub fn read_within(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Option<Reading> {
    let reading = reading(bytes, header, limits, room);
    (!room.is_refused()).then_some(reading)
}

fn reading(bytes: &[u8], header: &Header, limits: &DecodeLimits, room: &Room<'_>) -> Reading {
    let cpu_before = thread_cpu();
    let capture = exif::read(bytes, &exif::Rules::now(limits.place_zone));
    let mut reading = Reading {
        format: Some(header.format),
        width: Some(header.width),
        height: Some(header.height),
        codes: Vec::new(),
        more_codes_likely: false,
        rungs: Vec::new(),
        capture,
        reject: None,
        is_stalled: false,
        decode_ms: 0.0,
    };
    match whole_budget(header, limits).map(|budget| Deadline::since(cpu_before, budget)) {
        Ok(deadline) => match look(bytes, header, deadline, limits, room) {
            Ok(look) => look.tell(cpu_before, &mut reading),
            Err(reject) => {
                reading.is_stalled = reject.reason == Reason::TimedOut && deadline.is_stalled();
                reading.reject = Some(reject);
            }
        },
        Err(reject) => reading.reject = Some(reject),
    }
    reading.decode_ms = thread_cpu().saturating_sub(cpu_before).as_secs_f64() * 1e3;
    reading
}

/// Reads the codes of a picture whose brightness is at hand: the ladder alone, as the fuzzer and the comparison with
/// other readers need it. There is no file, so `format` and `capture` stay empty.
pub fn read_luma(luma: Luma, limits: &DecodeLimits) -> Reading {
    let cpu_before = thread_cpu();
    let deadline = Deadline::after(limits.time_budget);
    let mut reading = Reading {
        format: None,
        width: u32::try_from(luma.width()).ok(),
        height: u32::try_from(luma.height()).ok(),
        codes: Vec::new(),
        more_codes_likely: false,
        rungs: Vec::new(),
        capture: Capture::default(),
        reject: None,
        is_stalled: false,
        decode_ms: 0.0,
    };
    climb(&mut pixels::Source::whole(luma, false), deadline, limits, &mut reading);
    reading.decode_ms = thread_cpu().saturating_sub(cpu_before).as_secs_f64() * 1e3;
    reading
}

fn climb(source: &mut pixels::Source, deadline: Deadline, limits: &DecodeLimits, reading: &mut Reading) {
    let cpu_before = thread_cpu();
    let climb = ladder::climb(source, deadline, limits.first_only, &Room::boundless());
    PixelReading { climb, cut: source.is_cut(), deadline }.tell(cpu_before, reading);
}

/// What was seen in a photo's pixels.
struct PixelReading {
    climb: ladder::Climb,
    /// The file ends before its picture.
    cut: bool,
    /// When the climb had to end.
    deadline: Deadline,
}

/// Opens a photo's pixels and climbs.
fn look(
    bytes: &[u8],
    header: &Header,
    deadline: Deadline,
    limits: &DecodeLimits,
    room: &Room<'_>,
) -> Result<PixelReading, Rejection> {
    #[cfg(feature = "heic")]
    if header.format == Format::Heic {
        return stages::look(bytes, header, deadline, limits, room);
    }
    aspects::look(bytes, header, deadline, limits, room)
}

impl PixelReading {
    /// `cpu_before`: this thread's CPU time when the photo was begun.
    fn tell(self, cpu_before: Duration, reading: &mut Reading) {
        let PixelReading { climb, cut, deadline } = self;
        reading.reject = why_no_code(&climb, cut, cpu_before);
        // Also with codes: there may be more.
        reading.is_stalled = climb.out_of_time && deadline.is_stalled();
        reading.codes = climb.codes;
        reading.more_codes_likely = climb.more_likely;
        reading.rungs = climb.runs;
    }
}

/// The budget of a photo's pixels and codes together.
fn whole_budget(header: &Header, limits: &DecodeLimits) -> Result<Duration, Rejection> {
    match (header.format, limits.heic_time_budget) {
        (Format::Heic, None) => Err(pixels::heic_is_off()),
        // Slow as well, and neither lane nor patents apply where HEIC is turned off.
        (Format::Heic, Some(budget)) | (Format::Avif, Some(budget)) => Ok(budget),
        _ => Ok(limits.time_budget),
    }
}

/// What one rung alone makes of a photo.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The rung's name.
    pub rung: &'static str,
    /// Codes it reads.
    pub codes: Vec<scanmill_core::domain::Code>,
    /// Its CPU time in milliseconds, shrinking the picture included.
    pub cpu_ms: f64,
    /// Whether it does anything with a photo of this size.
    pub ran: bool,
}

/// Tries every rung alone on a photo, for those who order the ladder: `cargo bench --bench ladder`.
///
/// # Errors
/// The rejection of a photo without pixels.
pub fn trials(bytes: &[u8], header: &Header, limits: &DecodeLimits) -> Result<Vec<Trial>, Rejection> {
    let deadline = Deadline::after(whole_budget(header, limits)?);
    let mut source = pixels::open(bytes, header, scanmill_jpeg::Aspect::Brightness, deadline, &Room::boundless())?;
    let alone = ladder::alone(&mut source, limits.time_budget);
    let trial = |(rung, climb, cpu_ms): (_, ladder::Climb, _)| Trial {
        rung,
        ran: !climb.runs.is_empty(),
        codes: climb.codes,
        cpu_ms,
    };
    Ok(alone.into_iter().map(trial).collect())
}

fn why_no_code(climb: &ladder::Climb, cut: bool, cpu_before: Duration) -> Option<Rejection> {
    let ran = climb.runs.len();
    if !climb.codes.is_empty() {
        None
    } else if climb.out_of_time {
        // Before the other reasons: what was not looked at to its end may hold a code, cut or not.
        let took = thread_cpu().saturating_sub(cpu_before);
        let detail = format!("no code within {} ms of CPU time, after {ran} rungs", took.as_millis());
        Some(Rejection::new(Reason::TimedOut, detail))
    } else if cut {
        Some(Rejection::new(
            Reason::Truncated,
            "the file ends before its picture, and the part that is there shows no code",
        ))
    } else if let Some(panic) = &climb.panic {
        Some(Rejection::new(Reason::DecoderFault, panic.clone()))
    } else if climb.has_blank {
        Some(Rejection::new(Reason::NoCode, "a code with no text was found, and no other"))
    } else {
        Some(Rejection::new(Reason::NoCode, format!("no code found by {ran} rungs")))
    }
}

/// [`inspect`], then [`read`]: everything about one photo's bytes.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Reading {
    match inspect(bytes, limits) {
        Ok(header) => read(bytes, &header, limits),
        Err(reject) => refused(bytes, reject, limits),
    }
}

/// The reading of a photo that [`inspect`] refuses: it still says when and where it was taken.
pub fn refused(bytes: &[u8], reject: Rejection, limits: &DecodeLimits) -> Reading {
    Reading::refused(reject, exif::read(bytes, &exif::Rules::now(limits.place_zone)))
}
