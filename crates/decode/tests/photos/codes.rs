//! Which codes a picture gives, where, and with which text.

use crate::scene::{Place, Scene, code, encode, limits};
use qrcode::bits::Bits;
use qrcode::{EcLevel, QrCode, Version};
use scanmill_core::domain::{Capture, Code, Reading, RungName};
use scanmill_decode::{decode, rung_names};

fn read(scene: &Scene) -> Reading {
    let reading = decode(&scene.png(), &limits());
    assert_eq!(reading.codes.is_empty(), reading.reject.is_some());
    assert_eq!(reading.rungs.iter().map(|run| run.won).sum::<usize>(), reading.codes.len());
    assert!(reading.rungs.iter().all(|run| rung_names().any(|name| name == run.name.as_str())));
    reading
}

fn texts(reading: &Reading) -> Vec<&str> {
    reading.codes.iter().map(|code| code.text.as_str()).collect()
}

fn centre(code: &Code) -> [f32; 2] {
    let [x, y] = code.corners.iter().fold([0.0, 0.0], |[x, y], corner| [x + corner[0], y + corner[1]]);
    [x / 4.0, y / 4.0]
}

#[test]
fn rotated_mirrored_and_inverted_codes_are_read() {
    for degrees in [0.0, 31.0, 90.0, 145.0, 180.0, 275.0] {
        for (mirrored, inverted) in [(false, false), (true, false), (false, true), (true, true)] {
            let place = Place { degrees, mirrored, inverted, ..Place::at(180.0, 150.0, 5.0) };
            let reading = read(&Scene::paper(360, 300).draw(&code("https://example.com/a"), place));
            let name = format!("{degrees} degrees, mirrored {mirrored}, inverted {inverted}");
            assert_eq!(texts(&reading), ["https://example.com/a"], "{name}");
            let corners = reading.codes[0].corners;
            // The symbol's own top left corner, wherever it lies in the picture: half of 25 modules from the middle.
            let reach = 12.5 * 5.0;
            let (sin, cos) = degrees.to_radians().sin_cos();
            for (corner, [right, down]) in corners.iter().zip([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) {
                let right = if mirrored { -right } else { right } * reach;
                let expected = [180.0 + right * cos - down * reach * sin, 150.0 + right * sin + down * reach * cos];
                let off = (corner[0] - expected[0]).hypot(corner[1] - expected[1]);
                assert!(off < 6.0, "{name}: {corners:?} {expected:?}");
            }
        }
    }
}

#[test]
fn all_codes_in_reading_order_and_the_same_text_twice() {
    let scene = Scene::paper(900, 700)
        .draw(&code("same"), Place::at(650.0, 200.0, 5.0))
        .draw(&code("same"), Place { degrees: 20.0, ..Place::at(200.0, 200.0, 5.0) })
        .draw(&code("below"), Place { inverted: true, ..Place::at(500.0, 520.0, 6.0) });
    let reading = read(&scene);
    assert_eq!(texts(&reading), ["same", "same", "below"]);
    assert!(centre(&reading.codes[0])[0] < centre(&reading.codes[1])[0]);

    let first = decode(&scene.png(), &scanmill_decode::DecodeLimits { first_only: true, ..limits() });
    assert_eq!(first.codes.len(), 1);
}

#[test]
fn a_small_code_beside_a_large_one_makes_the_ladder_climb() {
    let scene = Scene::paper(1600, 1200)
        .draw(&code("large"), Place::at(500.0, 600.0, 24.0))
        .draw(&code("small"), Place::at(1400.0, 900.0, 4.0));
    let reading = read(&scene);
    assert_eq!(texts(&reading), ["large", "small"]);
    assert_eq!(reading.codes[0].rung, "zxing_500");
    assert_eq!(reading.codes[1].rung, "native_800");
    assert!(!reading.more_codes_likely);
    assert!((centre(&reading.codes[1])[0] - 1400.0).abs() < 3.0);
}

#[test]
fn an_easy_photo_costs_one_small_rung() {
    let reading = read(&Scene::paper(1600, 1200).draw(&code("easy"), Place::at(800.0, 600.0, 20.0)));
    assert_eq!(reading.rungs.len(), 1);
    assert_eq!(reading.rungs[0].name, RungName::Zxing500);
}

#[test]
fn sizes_are_not_read_twice_and_a_blank_photo_runs_every_other_rung() {
    let names = |width, height| -> Vec<_> {
        read(&Scene::paper(width, height)).rungs.iter().map(|run| run.name.as_str()).collect()
    };
    let plain = |width| -> Vec<_> {
        let plain = ["zxing_500", "zxing_1000", "zxing_2000", "zxing_full", "native_800", "native_1600"];
        let mut names = names(width, 300);
        names.retain(|name| plain.contains(name));
        names.sort();
        names
    };
    assert_eq!(plain(350), ["native_800", "zxing_500"]);
    assert_eq!(plain(700), ["native_800", "zxing_500"]);
    assert_eq!(plain(1300), ["native_800", "zxing_1000", "zxing_500"]);
    // What only looks for the rest, once a code was read, has nothing to do here.
    assert_eq!(plain(1700), ["native_800", "zxing_1000", "zxing_500", "zxing_full"]);
    assert!(names(350, 300).contains(&"zxing_large") && !names(700, 300).contains(&"zxing_large"));
}

fn from_bits(fill: impl Fn(&mut Bits)) -> QrCode {
    let mut bits = Bits::new(Version::Normal(5));
    fill(&mut bits);
    bits.push_terminator(EcLevel::M).unwrap();
    QrCode::with_bits(bits, EcLevel::M).unwrap()
}

#[test]
fn payloads_come_out_as_text_whatever_their_character_set() {
    let eci = |number, bytes: &'static [u8]| {
        from_bits(move |bits| {
            bits.push_eci_designator(number).unwrap();
            bits.push_byte_data(bytes).unwrap();
        })
    };
    let plain = |bytes: &'static [u8]| from_bits(move |bits| bits.push_byte_data(bytes).unwrap());
    let cases = [
        (plain("Grüße aus Köln".as_bytes()), "Grüße aus Köln"),
        (plain(b"Gr\xfc\xdfe aus K\xf6ln"), "Grüße aus Köln"),
        (plain(b"\x93\xfa\x96\x7b\x8c\xea\x83\x65\x83\x58\x83\x67"), "日本語テスト"),
        (eci(3, b"caf\xe9"), "café"),
        (eci(26, "naïve 日本".as_bytes()), "naïve 日本"),
        (eci(20, b"\x93\xfa\x96\x7b"), "日本"),
        (eci(29, b"\xd6\xd0\xce\xc4"), "中文"),
        (eci(32, b"\xd6\xd0\xce\xc4"), "中文"),
        (eci(7, b"\xbf\xe0\xd8\xd2\xd5\xe2"), "Привет"),
        (from_bits(|bits| bits.push_kanji_data(b"\x93\x5f\xe4\xaa").unwrap()), "点茗"),
        // What the named set does not have is guessed instead of lost.
        (eci(26, b"caf\xe9 noir, s'il vous pla\xeet"), "café noir, s'il vous plaît"),
        (code("https://example.com/%E2%82%AC?q=1&x=\u{20ac}"), "https://example.com/%E2%82%AC?q=1&x=\u{20ac}"),
    ];
    for (code, expected) in cases {
        let reading = read(&Scene::paper(330, 330).draw(&code, Place::at(165.0, 165.0, 5.0)));
        assert_eq!(texts(&reading), [expected]);
    }
}

#[test]
fn version_and_level_are_told() {
    for (version, level, letter) in
        [(1, EcLevel::H, 'H'), (7, EcLevel::Q, 'Q'), (15, EcLevel::L, 'L'), (40, EcLevel::M, 'M')]
    {
        let code = QrCode::with_version("v", Version::Normal(version), level).unwrap();
        let reading = read(&Scene::paper(800, 800).draw(&code, Place::at(400.0, 400.0, 4.0)));
        assert_eq!((reading.codes[0].qr_version, reading.codes[0].ecc_level), (Some(version as u8), Some(letter)));
        assert_eq!(reading.codes[0].ecc_used, Some(0.0));
    }
}

#[test]
fn nothing_is_carried_from_one_photo_to_the_next() {
    let mut writer = exif::experimental::Writer::new();
    let ratio = |num| exif::Value::Rational(vec![exif::Rational { num, denom: 1 }]);
    let letter = |letter: &str| exif::Value::Ascii(vec![letter.into()]);
    let fields = [
        (exif::Tag::GPSLatitude, ratio(52)),
        (exif::Tag::GPSLatitudeRef, letter("N")),
        (exif::Tag::GPSLongitude, ratio(13)),
        (exif::Tag::GPSLongitudeRef, letter("E")),
        (exif::Tag::DateTimeOriginal, letter("2026:11:22 16:40:00")),
    ]
    .map(|(tag, value)| exif::Field { tag, ifd_num: exif::In::PRIMARY, value });
    fields.iter().for_each(|field| writer.push_field(field));
    let mut blob = std::io::Cursor::new(Vec::new());
    writer.write(&mut blob, false).unwrap();

    let scene = Scene::paper(300, 300).draw(&code("here"), Place::at(150.0, 150.0, 5.0));
    let jpeg = |exif: Option<&[u8]>| {
        let mut out = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut out, 90);
        if let Some(exif) = exif {
            encoder.add_exif_metadata(exif).unwrap();
        }
        encoder.encode(&scene.pixels, 300, 300, jpeg_encoder::ColorType::Luma).unwrap();
        out
    };
    let with = decode(&jpeg(Some(blob.get_ref())), &limits());
    let without = decode(&jpeg(None), &limits());
    assert_eq!((with.capture.latitude, with.capture.geo_source), (Some(52.0), Some("exif_gps")));
    assert!(with.capture.captured_local.is_some());
    assert_eq!(without.capture, Capture::default());
    assert_eq!(texts(&with), texts(&without));

    // A photo whose pixels fail still says where and when it was taken.
    let mut broken = jpeg(Some(blob.get_ref()));
    broken.truncate(700);
    let broken = decode(&broken, &limits());
    assert!(broken.reject.is_some());
    assert_eq!(broken.capture, with.capture);
}

#[test]
fn codes_that_only_their_transparency_shows_are_read() {
    let grey = Scene::paper(250, 250).draw(&code("clear"), Place::at(125.0, 125.0, 6.0)).grey();
    // White everywhere; what is dark in the scene, or what is light, is transparent.
    for dark_is_clear in [true, false] {
        let clear = |x, y| (grey.get_pixel(x, y).0[0] < 128) == dark_is_clear;
        let rgba =
            image::RgbaImage::from_fn(250, 250, |x, y| image::Rgba([255, 255, 255, if clear(x, y) { 0 } else { 255 }]));
        let grey_alpha =
            image::GrayAlphaImage::from_fn(250, 250, |x, y| image::LumaA([250, rgba.get_pixel(x, y).0[3]]));
        for picture in [image::DynamicImage::from(rgba), image::DynamicImage::from(grey_alpha)] {
            let reading = decode(&encode(&picture, image::ImageFormat::Png), &limits());
            assert_eq!(texts(&reading), ["clear"], "dark is clear: {dark_is_clear}");
        }
    }
}
