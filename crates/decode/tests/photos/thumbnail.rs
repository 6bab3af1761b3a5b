//! The small copy of a photo that gave no code: of every format, upright, and none that shows what nobody redacted.

use std::io::Cursor;

use crate::scene::{Place, Scene, code, encode, limits};
use image::{DynamicImage, GenericImageView, ImageFormat};
use scanmill_decode::{DecodeLimits, Room, inspect, thumbnail};

/// A password, as a photo of a router shows it.
const SECRET: &str = "WIFI:T:WPA;S:home;P:correct horse;;";

fn copy_within(bytes: &[u8], limits: &DecodeLimits) -> Option<DynamicImage> {
    let header = inspect(bytes, limits).ok()?;
    let made = thumbnail(bytes, &header, limits, &Room::boundless())?;
    Some(image::ImageReader::with_format(Cursor::new(made), ImageFormat::Jpeg).decode().expect("a picture"))
}

fn copy(bytes: &[u8]) -> Option<DynamicImage> {
    copy_within(bytes, &limits())
}

/// Dark in its left upper quarter, with some noise: what compresses too well is refused.
fn corner(width: usize, height: usize) -> Scene {
    let mut scene = Scene::paper(width, height);
    for (at, pixel) in scene.pixels.iter_mut().enumerate() {
        let is_dark = at % width < width / 2 && at / width < height / 2;
        *pixel = if is_dark { 10 } else { 200 } + (at * 7_919 % 41) as u8;
    }
    scene
}

/// Which quarter of the picture is dark: right, lower.
fn dark_quarter(picture: &DynamicImage) -> [bool; 2] {
    let (width, height) = picture.dimensions();
    let grey = picture.to_luma8();
    let level = |right: bool, lower: bool| {
        grey.get_pixel(width / 4 + if right { width / 2 } else { 0 }, height / 4 + if lower { height / 2 } else { 0 }).0
            [0]
    };
    let all = [[false, false], [true, false], [false, true], [true, true]];
    all.into_iter().min_by_key(|[right, lower]| level(*right, *lower)).expect("four quarters")
}

/// The file with EXIF that says which way up it is.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff =
        [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat();
    let body = [b"Exif\0\0".as_slice(), &tiff].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

#[test]
fn a_photo_that_was_taken_sideways_is_shown_upright() {
    let jpeg = encode(&DynamicImage::from(corner(600, 400).grey()).to_rgb8().into(), ImageFormat::Jpeg);
    // Where the file's left upper quarter is to be seen.
    for (orientation, size, dark) in [
        (1, (256, 171), [false, false]),
        (2, (256, 171), [true, false]),
        (3, (256, 171), [true, true]),
        (4, (256, 171), [false, true]),
        (5, (171, 256), [false, false]),
        (6, (171, 256), [true, false]),
        (7, (171, 256), [true, true]),
        (8, (171, 256), [false, true]),
        (9, (256, 171), [false, false]),
    ] {
        let picture = copy(&with_orientation(&jpeg, orientation)).expect("a copy");
        assert_eq!((picture.dimensions(), dark_quarter(&picture)), (size, dark), "{orientation}");
    }
}

#[cfg(feature = "heic")]
#[test]
fn heic_has_a_copy_with_and_without_one_of_its_own_unless_it_is_turned_off() {
    let scene = corner(480, 360);
    let small = corner(160, 120);
    let bare = crate::heic_files::heic(480, 360, &scene.pixels);
    let with_own = crate::heic_files::with_thumbnail([480, 360], &scene.pixels, [160, 120], &small.pixels);
    for (file, size) in [(&bare, (256, 192)), (&with_own, (160, 120))] {
        let picture = copy(file).expect("a copy");
        assert_eq!((picture.dimensions(), dark_quarter(&picture)), (size, [false, false]));
        assert!(copy_within(file, &DecodeLimits { heic_time_budget: None, ..limits() }).is_none(), "it is turned off");
    }
    let secret = Scene::paper(480, 480).draw(&code(SECRET), Place::at(240.0, 240.0, 8.0));
    assert!(copy(&crate::heic_files::heic(480, 480, &secret.pixels)).is_none(), "a code can be read in it");
}

#[cfg(feature = "avif")]
#[test]
fn avif_has_a_copy_that_shows_no_code() {
    // Its code is in its alpha alone.
    let picture = copy(include_bytes!("../data/avif/drawn_by_alpha.avif"));
    assert!(picture.is_some_and(|picture| picture.width() > 0));
    assert!(copy(include_bytes!("../data/avif/yuv420_8.avif")).is_none(), "a code can be read in it");
    let off = DecodeLimits { heic_time_budget: None, ..limits() };
    assert!(copy_within(include_bytes!("../data/avif/drawn_by_alpha.avif"), &off).is_none());
}
