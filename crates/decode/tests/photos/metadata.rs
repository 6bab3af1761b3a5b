//! Where writers put EXIF, XMP and IPTC: every place and form must give the same time and place.

use std::io::Write;

use crate::containers::{jpeg, png, raw_tiff, webp};
use exif::experimental::Writer;
use exif::{Field, In, Tag, Value};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use scanmill_core::domain::Capture;
use scanmill_decode::exif::{Rules, read};

const RULES: Rules = Rules { place_zone: true, now: Some(Timestamp::constant(1_798_761_600, 0)) };

fn capture(file: &[u8]) -> Capture {
    read(file, &RULES)
}

fn field(tag: Tag, value: Value) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value }
}

fn text(tag: Tag, text: &str) -> Field {
    field(tag, Value::Ascii(vec![text.as_bytes().to_vec()]))
}

fn exif(fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut out = std::io::Cursor::new(Vec::new());
    writer.write(&mut out, false).unwrap();
    out.into_inner()
}

/// 2024-05-03 14:25:36 +02:00.
fn dated() -> Vec<Field> {
    vec![text(Tag::DateTimeOriginal, "2024:05:03 14:25:36"), text(Tag::OffsetTimeOriginal, "+02:00")]
}

/// 52.5 N, 13.5 E.
fn placed() -> Vec<Field> {
    vec![
        field(Tag::GPSLatitude, Value::Double(vec![52.5])),
        text(Tag::GPSLatitudeRef, "N"),
        field(Tag::GPSLongitude, Value::Double(vec![13.5])),
        text(Tag::GPSLongitudeRef, "E"),
    ]
}

fn whole() -> Vec<u8> {
    exif(&[dated(), placed()].concat())
}

const XMP: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:a="http://ns.adobe.com/exif/1.0/" a:DateTimeOriginal="2024-05-03T14:25:36+02:00" a:GPSLatitude="52,30.0N">
<a:GPSLongitude>13,30.0E</a:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>"#;
const XMP_MARK: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

fn iptc() -> Vec<u8> {
    let dataset = |number: u8, text: &str| [&[0x1c, 2, number, 0, text.len() as u8], text.as_bytes()].concat();
    [dataset(5, "a title"), dataset(55, "20240503"), dataset(60, "142536+0200")].concat()
}

/// A Photoshop resource: number, empty name, data.
fn resource(number: u16, data: &[u8]) -> Vec<u8> {
    let mut out =
        [b"8BIM".as_slice(), &number.to_be_bytes(), &[0, 0], &(data.len() as u32).to_be_bytes(), data].concat();
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

fn photoshop(data: &[u8]) -> Vec<u8> {
    [b"Photoshop 3.0\0".as_slice(), data].concat()
}

fn assert_time(name: &str, file: &[u8]) {
    let found = capture(file);
    let shown = found.captured_at.map(|at| at.to_string());
    assert_eq!(shown.as_deref(), Some("2024-05-03T12:25:36Z"), "{name}: {found:?}");
}

fn assert_time_and_place(name: &str, file: &[u8]) {
    assert_time(name, file);
    let found = capture(file);
    assert_eq!((found.latitude, found.longitude), (Some(52.5), Some(13.5)), "{name}: {found:?}");
}

const APP1: u8 = 0xe1;
const APP13: u8 = 0xed;

#[test]
fn several_exif_segments_of_a_jpeg_are_one() {
    let segment = |fields: &[Field]| [b"Exif\0\0".as_slice(), &exif(fields)].concat();
    let whole = [b"Exif\0\0".as_slice(), &whole()].concat();
    let orientation = segment(&[field(Tag::Orientation, Value::Short(vec![1]))]);
    let blank = segment(&[text(Tag::DateTimeOriginal, "    :  :     :  :  ")]);
    let half_place: Vec<Field> = placed().into_iter().take(2).collect();
    let cases: [(&str, Vec<Vec<u8>>); 6] = [
        ("orientation first", vec![orientation.clone(), whole.clone()]),
        ("orientation last", vec![whole.clone(), orientation]),
        ("date, then place", vec![segment(&dated()), segment(&placed())]),
        ("blank date first", vec![blank, whole.clone()]),
        ("half of the place first", vec![segment(&half_place), whole.clone()]),
        ("broken first", vec![b"Exif\0\0II*\0\xff\xff\xff\xff".to_vec(), whole]),
    ];
    for (name, segments) in cases {
        let segments: Vec<(u8, &[u8])> = segments.iter().map(|segment| (APP1, segment.as_slice())).collect();
        assert_time_and_place(name, &jpeg(&segments));
    }
}

#[test]
fn a_structure_may_go_on_in_the_next_segment() {
    // The directory says that a long value is before the date.
    let mut fields = [dated(), placed()].concat();
    fields.insert(0, field(Tag::MakerNote, Value::Undefined(vec![7; 70_000], 0)));
    let blob = exif(&fields);
    let (first, rest) = blob.split_at(65_000);
    let (first, rest) = ([b"Exif\0\0", first].concat(), [b"Exif\0\0", rest].concat());
    assert_time_and_place("two segments", &jpeg(&[(APP1, &first), (APP1, &rest)]));
}

#[test]
fn the_mark_of_exif_is_written_in_many_ways() {
    for mark in
        [b"Exif\0\0".as_slice(), b"Exif\0\xff", b"EXIF\0\0", b"exif\0 ", b"\0\0Exif\0\0", b"abcdExif\0\0", b"Exif\0"]
    {
        let segment = [mark, &whole()].concat();
        assert_time_and_place(&format!("{mark:?}"), &jpeg(&[(APP1, &segment)]));
        assert_time_and_place(&format!("{mark:?}"), &png(&[(b"eXIf", &segment)]));
        assert_time_and_place(&format!("{mark:?}"), &webp(&[(b"EXIF", &segment)]));
    }
}

#[test]
fn xmp_and_iptc_of_a_jpeg() {
    let xmp = [XMP_MARK, XMP.as_bytes()].concat();
    let utf16: Vec<u8> = XMP.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [XMP_MARK, b"\xff\xfe", &utf16].concat();
    let guid = [b'0'; 32];
    let (one, two) = XMP.as_bytes().split_at(100);
    let extended = |offset: u32, data: &[u8]| {
        let length = (XMP.len() as u32).to_be_bytes();
        [b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &guid, &length, &offset.to_be_bytes(), data].concat()
    };
    let small = [XMP_MARK, b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"].concat();
    let naming = |guid: [u8; 32]| [XMP_MARK, b"<a xmpNote:HasExtendedXMP='", &guid, b"'/>"].concat();
    let left_over = [naming([b'1'; 32]), extended(0, one), extended(100, two)];
    let left_over: Vec<(u8, &[u8])> = left_over.iter().map(|segment| (APP1, segment.as_slice())).collect();
    assert_eq!(capture(&jpeg(&left_over)).captured_at, None, "extended XMP of another packet");
    for (name, segments) in [
        ("one packet", vec![xmp.clone()]),
        ("the second packet", vec![small.clone(), xmp]),
        ("UTF-16", vec![utf16]),
        ("extended, in the wrong order", vec![small, extended(100, two), extended(0, one)]),
        ("extended and named", vec![naming(guid), extended(0, one), extended(100, two)]),
    ] {
        let segments: Vec<(u8, &[u8])> = segments.iter().map(|segment| (APP1, segment.as_slice())).collect();
        assert_time_and_place(name, &jpeg(&segments));
    }

    let block = [resource(0x03ed, &[0; 16]), resource(0x0404, &iptc())].concat();
    assert_time("IPTC", &jpeg(&[(APP13, &photoshop(&block))]));
    let (one, two) = block.split_at(block.len() - 20);
    assert_time("IPTC in two segments", &jpeg(&[(APP13, &photoshop(one)), (APP13, &photoshop(two))]));
    assert_time_and_place("EXIF in Photoshop's block", &jpeg(&[(APP13, &photoshop(&resource(0x0422, &whole())))]));
    assert_time_and_place("XMP there", &jpeg(&[(APP13, &photoshop(&resource(0x0424, XMP.as_bytes())))]));
    let found = capture(&jpeg(&[(APP13, &photoshop(&resource(0x0404, &iptc())))]));
    assert_eq!(found.captured_at_source, Some("iptc_created+offset"));
}

/// The three text chunks of PNG, for a keyword.
#[test]
fn xmp_names_the_hemisphere_in_the_value_or_apart() {
    for (attributes, place) in [
        ("exif:GPSLatitude='48,51.492S' exif:GPSLongitude='2,17.67W'", (-48.8582, -2.2945)),
        ("exif:GPSLatitude='48.8582' exif:GPSLongitude='-2.2945'", (48.8582, -2.2945)),
        (
            "exif:GPSLatitude='48.8582' exif:GPSLatitudeRef='S' exif:GPSLongitude='2.2945' exif:GPSLongitudeRef='W'",
            (-48.8582, -2.2945),
        ),
        // What the value says itself counts.
        ("exif:GPSLatitude='48,51.492N' exif:GPSLatitudeRef='S' exif:GPSLongitude='2,17.67E'", (48.8582, 2.2945)),
    ] {
        let packet = format!("<a {attributes}/>");
        let found = capture(&jpeg(&[(APP1, &[XMP_MARK, packet.as_bytes()].concat())]));
        let (latitude, longitude) = found.latitude.zip(found.longitude).expect(attributes);
        let is_near = (latitude - place.0).abs() < 1e-6 && (longitude - place.1).abs() < 1e-6;
        assert!(is_near && found.geo_source == Some("xmp_gps"), "{attributes}: {found:?}");
    }
}

/// The height may be elsewhere than the place, but is not that of another place.
#[test]
fn what_the_place_lacks_a_later_source_fills() {
    let metres = |fields: &[Field]| [fields, &[field(Tag::GPSAltitude, Value::Double(vec![34.5]))]].concat();
    let packet = |attributes: &str| [XMP_MARK, format!("<a {attributes}/>").as_bytes()].concat();
    let segment = |fields: &[Field]| [b"Exif\0\0".as_slice(), &exif(fields)].concat();
    let place_of_xmp = "exif:GPSLatitude='52,30.0N' exif:GPSLongitude='13,30.0E'";
    let other_place = "exif:GPSLatitude='48,30.0N' exif:GPSLongitude='13,30.0E'";
    for (name, segments, expected) in [
        ("XMP's height", vec![segment(&placed()), packet("exif:GPSAltitude='345/10'")], Some(34.5)),
        (
            "XMP's height below the sea",
            vec![segment(&placed()), packet("exif:GPSAltitude='345/10' exif:GPSAltitudeRef='1'")],
            Some(-34.5),
        ),
        (
            "XMP's height of the same place",
            vec![segment(&placed()), packet(&format!("{place_of_xmp} exif:GPSAltitude='345/10'"))],
            Some(34.5),
        ),
        (
            "XMP's height of another place",
            vec![segment(&placed()), packet(&format!("{other_place} exif:GPSAltitude='345/10'"))],
            None,
        ),
        ("EXIF's own height first", vec![segment(&metres(&placed())), packet("exif:GPSAltitude='1/1'")], Some(34.5)),
        ("EXIF's height beside XMP's place", vec![segment(&metres(&dated())), packet(place_of_xmp)], Some(34.5)),
        ("the height in a second structure", vec![segment(&placed()), segment(&metres(&dated()))], Some(34.5)),
    ] {
        let segments: Vec<(u8, &[u8])> = segments.iter().map(|segment| (APP1, segment.as_slice())).collect();
        let found = capture(&jpeg(&segments));
        assert_eq!((found.latitude, found.altitude_m), (Some(52.5), expected), "{name}");
    }
}

fn texts(keyword: &str, text: &[u8]) -> [(&'static [u8], Vec<u8>); 4] {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    let packed = packer.finish().unwrap();
    let key = keyword.as_bytes();
    [
        (b"tEXt", [key, b"\0", text].concat()),
        (b"zTXt", [key, b"\0\0", &packed].concat()),
        (b"iTXt", [key, b"\0\0\0\0\0", text].concat()),
        (b"iTXt", [key, b"\0\x01\0en\0\0", &packed].concat()),
    ]
}

#[test]
fn profiles_in_the_texts_of_a_png() {
    let profile = |name: &str, data: &[u8]| {
        let mut out = format!("\n{name}\n{:8}\n", data.len());
        for line in data.chunks(36) {
            out.extend(line.iter().map(|byte| format!("{byte:02x}")));
            out.push('\n');
        }
        out.into_bytes()
    };
    let marked = [b"Exif\0\0".as_slice(), &whole()].concat();
    let cases = [
        ("Raw profile type exif", profile("exif", &marked)),
        ("Raw profile type exif", profile("exif", &whole())),
        ("Raw profile type APP1", profile("generic", &marked)),
        ("Raw profile type APP1", profile("APP1", &[XMP_MARK, XMP.as_bytes()].concat())),
        ("Raw profile type xmp", profile("xmp", XMP.as_bytes())),
        ("XML:com.adobe.xmp", XMP.as_bytes().to_vec()),
        ("Raw profile type 8bim", profile("8bim", &resource(0x0422, &whole()))),
    ];
    for (keyword, data) in cases {
        for (chunk, data) in texts(keyword, &data) {
            let name = format!("{keyword} in {}", String::from_utf8_lossy(chunk));
            assert_time_and_place(&name, &png(&[(b"IHDR", &[0; 13]), (chunk, &data), (b"IDAT", &[1; 50])]));
        }
    }
    for data in [photoshop(&resource(0x0404, &iptc())), resource(0x0404, &iptc()), iptc()] {
        // ExifTool writes the second name.
        for name in ["iptc", "IPTC profile"] {
            for (chunk, data) in texts("Raw profile type iptc", &profile(name, &data)) {
                assert_time(name, &png(&[(chunk, &data)]));
            }
        }
    }
}

/// A draft of the chunk for EXIF had it packed, behind a zero and its length, under its own name or the later one.
#[test]
fn a_packed_exif_chunk_is_unpacked() {
    let [_, (_, text), ..] = texts("x", &whole());
    // Keyword, its zero and the method are before what is packed.
    let packed = &text[3..];
    for chunk in [b"zxIf", b"eXIf"] {
        let data = [b"\0".as_slice(), &(whole().len() as u32).to_be_bytes(), packed].concat();
        assert_time_and_place("packed", &png(&[(chunk, &data)]));
    }
    assert_time_and_place("not packed", &png(&[(b"zxIf", &whole())]));
    assert_eq!(capture(&png(&[(b"zxIf", b"\0\0\0\0\x09junk")])), Capture::default());
    assert_eq!(capture(&png(&[(b"zxIf", b"\0")])), Capture::default());
}

/// The specification asks for the form of RFC 1123; writers use others too. It is the last source but one.
#[test]
fn a_png_may_say_when_it_was_made_in_a_text() {
    for written in ["Fri, 03 May 2024 14:25:36 +0200", "2024-05-03T14:25:36+02:00", "2024:05:03 14:25:36"] {
        for (chunk, data) in texts("Creation Time", written.as_bytes()) {
            let found = capture(&png(&[(b"IHDR", &[0; 13]), (chunk, &data), (b"IDAT", &[1; 50])]));
            assert_eq!(
                found.captured_local.map(|at| at.to_string()).as_deref(),
                Some("2024-05-03T14:25:36"),
                "{written}"
            );
            let source = if written.ends_with("36") { "png_created" } else { "png_created+offset" };
            assert_eq!(found.captured_at_source, Some(source), "{written}");
        }
    }
    let [(chunk, data), ..] = texts("Creation Time", b"Fri, 03 May 2019 10:00:00 +0000");
    assert_time_and_place("beside EXIF", &png(&[(chunk, &data), (b"eXIf", &whole())]));
    let [(chunk, data), ..] = texts("Creation Time", b"yesterday");
    assert_eq!(capture(&png(&[(chunk, data.as_slice())])), Capture::default());
}

/// ImageMagick writes EXIF's fields as texts of their own, beside the dates of the file.
#[test]
fn a_text_of_a_png_counts_if_it_says_when_the_photo_was_taken() {
    let of = |pairs: &[(&str, &str)]| {
        let made: Vec<_> =
            pairs.iter().flat_map(|(keyword, text)| texts(keyword, text.as_bytes()).into_iter().take(1)).collect();
        let chunks: Vec<(&[u8], &[u8])> = made.iter().map(|(chunk, data)| (&chunk[..], &data[..])).collect();
        let found = capture(&png(&chunks));
        (found.captured_local.map(|at| at.to_string()), found.captured_at_source)
    };
    let created = ("Creation Time", "2024:05:03 14:25:36");
    let file = ["date:create", "date:modify", "date:timestamp"].map(|name| (name, "2020-01-01T10:00:00+00:00"));
    assert_eq!(of(&file), (None, None));
    let original = ("exif:DateTimeOriginal", "2024:05:03 14:25:36");
    for (pairs, source) in [
        (&[file[0], original, file[1]][..], "png_created"),
        (&[("exif:OffsetTimeOriginal", "+02:00"), original], "png_created+offset"),
        (&[("Creation Time", "2022:02:02 02:02:02"), original], "png_created"),
        (&[("create-date", "2022-02-02"), ("exif:DateTimeDigitized", "2024:05:03 14:25:36")], "png_created"),
        (&[("create-date", "2024-05-03T14:25:36+02:00")], "png_created+offset"),
        (&[("exif:DateTimeOriginal", "0000:00:00 00:00:00"), created], "png_created"),
        (&[("create-date", "2022-02-02"), created], "png_created"),
    ] {
        assert_eq!(of(pairs), (Some("2024-05-03T14:25:36".to_owned()), Some(source)), "{pairs:?}");
    }
}

#[test]
fn what_a_png_unpacks_is_bounded() {
    let bomb = vec![b'0'; 16 << 20];
    let [_, (chunk, data), ..] = texts("Raw profile type exif", &bomb);
    assert_eq!(capture(&png(&[(chunk, data.as_slice())])), Capture::default());
    // Behind more texts than are unpacked nothing is found, but the chunk made for EXIF is.
    let mut chunks: Vec<(&[u8], &[u8])> = vec![(chunk, &data); 12];
    let blob = whole();
    chunks.push((b"eXIf", &blob));
    assert_time_and_place("behind bombs", &png(&chunks));
}

#[test]
fn other_containers() {
    assert_time_and_place("WebP", &webp(&[(b"VP8X", &[0; 10]), (b"XMP ", XMP.as_bytes())]));
    assert_time_and_place("WebP with a zero", &webp(&[(b"VP8X", &[0; 10]), (b"XMP\0", XMP.as_bytes())]));
    let gif =
        [b"GIF89a\x01\0\x01\0\0\0\0\x21\xff\x0bXMP DataXMP".as_slice(), XMP.as_bytes(), b"\x01\xff\xfe\xfd"].concat();
    assert_time_and_place("GIF", &gif);
    let part = |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), body].concat();
    let signature = part(b"JXL ", b"\r\n\x87\n");
    let kind = part(b"ftyp", b"jxl \0\0\0\0jxl ");
    let exif_box = part(b"Exif", &[b"\0\0\0\0".as_slice(), &whole()].concat());
    assert_time_and_place("JPEG XL", &[signature.as_slice(), &kind, &exif_box].concat());
    assert_time_and_place("XMP of JPEG XL", &[signature, kind, part(b"xml ", XMP.as_bytes())].concat());
}

const DATE: &[u8] = b"2024:05:03 14:25:36\0";

#[test]
fn directories_are_pointed_to_by_any_whole_number_and_texts_have_any_type() {
    // One directory of one entry ends at byte 26; the second ends at 44.
    for pointer in [3, 4, 8, 9, 13] {
        for kind in [2, 7, 129] {
            let blob = raw_tiff(&[&[(0x8769, pointer, 1, 26)], &[(0x9003, kind, 20, 44)]], DATE);
            let found = capture(&blob);
            assert_eq!(found.captured_at_source, Some("exif_original"), "pointer {pointer}, text {kind}");
        }
    }
    // In the second directory of a file, behind an empty first one.
    let mut blob = raw_tiff(&[&[], &[(0x8769, 4, 1, 32)], &[(0x9003, 2, 20, 50)]], DATE);
    blob[10] = 14;
    assert_eq!(capture(&blob).captured_at_source, Some("exif_original"));
    // A camera maker's own magic number.
    let mut blob = raw_tiff(&[&[(0x9003, 2, 20, 26)]], DATE);
    blob[2] = 0x55;
    assert_eq!(capture(&blob).captured_at_source, Some("exif_original"));
}

#[test]
fn big_tiff_is_walked_too() {
    let mut blob = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    blob.extend(1_u64.to_le_bytes());
    blob.extend(0x9003_u16.to_le_bytes());
    blob.extend(2_u16.to_le_bytes());
    blob.extend(20_u64.to_le_bytes());
    blob.extend(52_u64.to_le_bytes());
    blob.extend([0; 8]);
    blob.extend(DATE);
    assert_eq!(capture(&blob).captured_at_source, Some("exif_original"));
}

#[test]
fn xmp_and_iptc_are_tags_of_a_tiff_file() {
    let xmp = raw_tiff(&[&[(0x02bc, 1, XMP.len() as u32, 26)]], XMP.as_bytes());
    assert_time_and_place("XMP", &xmp);
    // Some write the IPTC as numbers of four bytes.
    let mut block = iptc();
    block.resize(block.len().next_multiple_of(4), 0);
    for (kind, count) in [(7, block.len()), (4, block.len() / 4)] {
        assert_time("IPTC", &raw_tiff(&[&[(0x83bb, kind, count as u32, 26)]], &block));
    }
    let resources = resource(0x0404, &iptc());
    assert_time("Photoshop", &raw_tiff(&[&[(0x8649, 7, resources.len() as u32, 26)]], &resources));
}
