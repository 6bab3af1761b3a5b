//! Bytes to brightness, or to another aspect: opens a photo whose header was inspected, and gives it at the sizes the ladder asks for.

#[cfg(test)]
mod against_image;
#[cfg(feature = "avif")]
mod av1;
#[cfg(feature = "avif")]
mod avif;
mod bmp;
mod gif;
#[cfg(feature = "heic")]
mod heic;
mod jpeg;
mod png;
mod refuse;
#[cfg(feature = "heic")]
mod residual;
mod samples;
mod source;
mod tiff;
#[cfg(any(feature = "avif", feature = "heic"))]
mod tiles;
#[cfg(feature = "heic")]
mod tints;
mod webp;
mod webp_bmp;

use super::Header;
use super::catch_panic::catch_panic;
use super::clock::Deadline;
use super::heif;
use super::room::Room;
#[cfg(feature = "heic")]
pub(super) use heic::thumbnail;
use scanmill_core::domain::{Format, Reason, Rejection};
use scanmill_jpeg::{Aspect, Luma};
pub(super) use source::{Area, Source};

/// Brightness of what a file that ends early does not hold, and of what there was no time for.
const MISSING: u8 = 128;

/// Opens the photo as one of its aspects. A codec's panic becomes [`Reason::DecoderFault`]; what a codec had no time for is grey.
pub(super) fn open(
    bytes: &[u8],
    header: &Header,
    aspect: Aspect,
    deadline: Deadline,
    room: &Room<'_>,
) -> Result<Source, Rejection> {
    if !room.has(header.open_bytes) {
        return Err(no_room());
    }
    let opened = catch_panic(|| match header.format {
        Format::Jpeg => match heif::jpeg(bytes) {
            Some(inner) => jpeg::open(&inner, header, aspect, deadline, room),
            None => jpeg::open(bytes, header, aspect, deadline, room),
        },
        Format::Png => png::decode(bytes, header, aspect, deadline),
        Format::Webp => webp::decode(bytes, header, aspect),
        Format::Gif => gif::decode(bytes, header, aspect, deadline),
        Format::Bmp => bmp::decode(bytes, header, aspect),
        Format::Tiff => tiff::decode(bytes, header, aspect, deadline),
        #[cfg(feature = "heic")]
        Format::Heic => heic::decode(bytes, header, aspect, deadline),
        #[cfg(not(feature = "heic"))]
        Format::Heic => Err(heic_is_off()),
        #[cfg(feature = "avif")]
        Format::Avif => avif::decode(bytes, header, aspect, deadline),
        #[cfg(not(feature = "avif"))]
        Format::Avif => Err(Rejection::new(
            Reason::Unsupported,
            "AVIF is not read: this scanmill was built without its feature `avif`",
        )),
    });
    opened.unwrap_or_else(|panic| {
        let detail = format!("the {} codec panicked: {panic}", header.format.as_str());
        Err(Rejection::new(Reason::DecoderFault, detail))
    })
}

/// Nobody sees it: a reading that was refused room is given up.
fn no_room() -> Rejection {
    Rejection::new(Reason::DecoderFault, "more memory than there is room for")
}

/// Why no HEIC photo is read here.
pub(super) fn heic_is_off() -> Rejection {
    let why = if cfg!(feature = "heic") {
        "HEIC is turned off by decode.heic"
    } else {
        "HEIC is not read: this scanmill was built without its feature `heic`"
    };
    Rejection::new(Reason::Unsupported, why)
}

/// The photo at its full size, if its codec gave as many pixels as its header promised.
fn whole(header: &Header, pixels: Vec<u8>, cut: bool) -> Result<Source, Rejection> {
    let luma = Luma::new(header.width as usize, header.height as usize, pixels);
    let refusal = || Rejection::new(Reason::Unreadable, "the codec gave another number of pixels than the header says");
    luma.map(|luma| Source::whole(luma, cut)).ok_or_else(refusal)
}
