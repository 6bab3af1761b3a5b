//! HEIC photos: one picture and grids, EXIF, what is turned off, what lies, and the clock.

use std::time::Duration;

use crate::heic_files::{body_of, paris, with_exif};
use crate::scene::{Place, Scene, code, limits};
use scanmill_core::domain::{Format, Reading, Reason};
use scanmill_decode::{DecodeLimits, decode, inspect};

const TEXT: &str = "https://shop.example/p/heic";

/// One HEVC picture.
fn single() -> Vec<u8> {
    file(400, 300, [210.0, 140.0])
}

/// Two by two tiles, with the code across all of them.
fn grid() -> Vec<u8> {
    file(700, 600, [512.0, 505.0])
}

fn file(width: usize, height: usize, [x, y]: [f32; 2]) -> Vec<u8> {
    let scene = Scene::paper(width, height).draw(&code(TEXT), Place { degrees: 12.0, ..Place::at(x, y, 4.0) });
    with_exif(width, height, &scene.pixels, Some(paris()))
}

fn assert_paris(reading: &Reading) {
    let capture = &reading.capture;
    assert_eq!(capture.captured_at.map(|at| at.to_string()).as_deref(), Some("2026-11-22T15:40:00Z"));
    assert_eq!(capture.captured_at_source, Some("exif_original+offset"));
    assert_eq!((capture.latitude, capture.longitude), (Some(48.85), Some(2.3)));
    assert_eq!(capture.camera_make.as_deref(), Some("Apple"));
}

fn refused(file: &[u8]) -> (Reason, String) {
    let reject = decode(file, &limits()).reject.expect("a rejection");
    (reject.reason, reject.detail)
}

#[test]
fn one_picture_and_a_grid_are_read_with_time_and_place() {
    for (file, [width, height], [x, y]) in
        [(single(), [400, 300], [210.0, 140.0]), (grid(), [700, 600], [512.0f32, 505.0f32])]
    {
        let reading = decode(&file, &limits());
        let [code] = reading.codes.as_slice() else { panic!("one code: {reading:?}") };
        assert_eq!(code.text, TEXT);
        assert_eq!((reading.format, reading.width, reading.height), (Some(Format::Heic), Some(width), Some(height)));
        // In the middle of the corners lies the middle of the code.
        let middle = |axis: usize| code.corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0;
        assert!((middle(0) - x).abs() < 4.0 && (middle(1) - y).abs() < 4.0, "{:?}", code.corners);
        assert_paris(&reading);
    }
}

#[test]
fn a_general_major_brand_leaves_it_to_the_compatible_ones() {
    for brand in [b"isom", b"mp42", b"iso8", b"mp41", b"miaf", b"xyz "] {
        let mut file = single();
        file[8..12].copy_from_slice(brand);
        let reading = decode(&file, &limits());
        assert_eq!(reading.format, Some(Format::Heic), "{brand:?}");
        assert_eq!(reading.codes.len(), 1, "{brand:?}");
        assert_paris(&reading);
    }
    // Compatible with nothing that is a picture: the two brands that heifer lists are made those of a film.
    let mut film = single();
    let end = u32::from_be_bytes(*film.first_chunk().unwrap()) as usize;
    for brand in film[8..end].as_chunks_mut::<4>().0.iter_mut().filter(|brand| **brand != [0; 4]) {
        *brand = *b"mp42";
    }
    assert_eq!(refused(&film), (Reason::Unsupported, "content is an MP4 container".into()));
}

#[test]
fn exif_is_found_where_its_item_says_wrongly_or_not_at_all_where_it_begins() {
    let find = |file: &[u8], what: &[u8]| file.windows(what.len()).position(|window| window == what).unwrap();
    let whole = single();
    let item = find(&whole, b"MM\0*") - 4;
    for wrong in [[0xff; 4], [0, 0, 0, 9], [0, 0, 0, 4]] {
        let mut file = whole.clone();
        file[item..item + 4].copy_from_slice(&wrong);
        assert_paris(&decode(&file, &limits()));
    }
    // Without the field: the item begins where the structure does.
    let mut file = whole.clone();
    let place = find(&whole, &(item as u32).to_be_bytes());
    file[place..place + 4].copy_from_slice(&(item as u32 + 4).to_be_bytes());
    file[item..item + 4].fill(0xee);
    assert_paris(&decode(&file, &limits()));
}

#[test]
fn broken_pixels_do_not_take_time_and_place_away() {
    let mut file = single();
    // The slice's first bytes: what follows makes no picture.
    let pixels = body_of(&file, b"mdat") + 6;
    file[pixels..pixels + 60].fill(0xa5);
    let reading = decode(&file, &limits());
    let reject = reading.reject.as_ref().expect("no picture");
    assert!(matches!(reject.reason, Reason::Unreadable | Reason::Unsupported), "{reject:?}");
    assert_eq!((reading.format, reading.width), (Some(Format::Heic), Some(400)));
    assert_paris(&reading);
}

#[test]
fn turned_off_it_is_unsupported_with_time_and_place() {
    let off = DecodeLimits { heic_time_budget: None, ..limits() };
    let reading = decode(&grid(), &off);
    let reject = reading.reject.as_ref().expect("refused");
    assert_eq!(reject.reason, Reason::Unsupported);
    assert!(reject.detail.contains("decode.heic"), "{}", reject.detail);
    assert_paris(&reading);
}

#[test]
fn its_own_time_budget_ends_it_within_a_picture() {
    // Far less than one picture of this size takes: the clock strikes while its one slice is decoded.
    let noise: Vec<u8> = (0u32..512 * 512).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = with_exif(512, 512, &noise, Some(paris()));
    let short = DecodeLimits { heic_time_budget: Some(Duration::from_millis(1)), ..limits() };
    let reading = decode(&file, &short);
    let reject = reading.reject.as_ref().expect("out of time");
    assert_eq!(reject.reason, Reason::TimedOut);
    assert!(reject.detail.contains("part 1 of 1: no time left for its pixels"), "{}", reject.detail);
    assert_paris(&reading);
    // The budget of other photos is for reading codes.
    let no_reading = DecodeLimits { time_budget: Duration::ZERO, ..limits() };
    let reject = decode(&file, &no_reading).reject.expect("out of time");
    assert_eq!(reject.reason, Reason::TimedOut);
    assert!(reject.detail.contains("rungs"), "{}", reject.detail);
}

#[test]
fn a_code_in_the_part_that_is_there_is_read() {
    let file = file(500, 500, [120.0, 110.0]);
    let cut = &file[..file.len() * 4 / 5];
    let reading = decode(cut, &limits());
    assert_eq!(reading.codes.iter().map(|code| code.text.as_str()).collect::<Vec<_>>(), [TEXT], "{:?}", reading.reject);
}

#[test]
fn other_pictures_in_the_same_container_are_refused_by_name() {
    let named = |kind: &[u8; 4]| {
        let mut file = single();
        let at = file.windows(4).position(|four| four == b"hvc1").unwrap();
        file[at..at + 4].copy_from_slice(kind);
        refused(&file)
    };
    for (kind, word) in [(b"jpeg", "JPEG"), (b"iovl", "overlay"), (b"zzzz", "another kind")] {
        let (reason, detail) = named(kind);
        assert_eq!(reason, Reason::Unsupported);
        assert!(detail.contains(word), "{detail}");
    }
    // Whatever the brands say, the tables tell.
    let mut avif = single();
    avif[8..12].copy_from_slice(b"avif");
    assert_eq!(decode(&avif, &limits()).format, Some(Format::Heic));
    let (reason, detail) = refused(b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc\0\0\0\x08moov");
    assert!(reason == Reason::Unsupported && detail.contains("moving"), "{detail}");
}

#[test]
fn a_picture_that_stands_for_another_is_read_and_other_derived_ones_are_unsupported() {
    let scene = Scene::paper(400, 300).draw(&code(TEXT), Place::at(210.0, 140.0, 4.0));
    let reading = |kinds: &[&[u8; 4]]| decode(&crate::heic_files::derived(kinds, [400, 300], &scene.pixels), &limits());
    for depth in [0, 1, 2, 7] {
        let reading = reading(&vec![b"iden"; depth]);
        assert_eq!(reading.codes.first().map(|code| code.text.as_str()), Some(TEXT), "{depth}: {:?}", reading.reject);
        assert_eq!((reading.width, reading.height), (Some(400), Some(300)));
    }
    for kinds in [&[b"jpeg"][..], &[b"iden", b"jpeg"], &[b"tmap"], &[b"iden"; 9]] {
        let reject = reading(kinds).reject.expect("not read");
        assert_eq!(reject.reason, Reason::Unsupported, "{kinds:?}: {}", reject.detail);
    }
    // In circles, of nothing, and of two.
    let whole = crate::heic_files::derived(&[b"iden"], [400, 300], &scene.pixels);
    let at = body_of(&whole, b"dimg");
    for reference in [[0, 1, 0, 1, 0, 1], [0, 1, 0, 0, 0, 2], [0, 2, 0, 1, 0, 1]] {
        let mut file = whole.clone();
        file[at..at + 6].copy_from_slice(&reference);
        assert_eq!(refused(&file).0, Reason::Unsupported, "{reference:?}");
    }
}

#[test]
fn pictures_laid_over_one_another_are_read() {
    let scene = Scene::paper(400, 300).draw(&code(TEXT), Place::at(210.0, 140.0, 4.0));
    let grey = vec![90; 256 * 128];
    let (back, front): (([i16; 2], _, &[u8]), _) =
        (([0, 0], [256, 128], &grey), ([100, 60], [400, 300], &*scene.pixels));
    for layers in [&[front][..], &[back, front]] {
        let reading = decode(&crate::heic_files::overlay([512, 400], layers), &limits());
        assert_eq!(reading.codes.first().map(|code| code.text.as_str()), Some(TEXT), "{:?}", reading.reject);
        assert_eq!((reading.width, reading.height), (Some(512), Some(400)));
        let corners = reading.codes[0].corners;
        assert!(corners.iter().all(|corner| corner[0] > 200.0 && corner[1] > 120.0), "{corners:?}");
    }
    // What lies above hides what is below, and nothing is drawn outside the canvas.
    let hidden = decode(
        &crate::heic_files::overlay([400, 300], &[([0, 0], [400, 300], &scene.pixels), ([100, 60], [256, 128], &grey)]),
        &limits(),
    );
    assert_eq!(hidden.reject.map(|reject| reject.reason), Some(Reason::NoCode));
    for (corner, canvas, reason) in [
        ([-8, 0], [512, 400], Reason::Unsupported),
        ([300, 200], [512, 400], Reason::NoCode),
        ([i16::MAX, i16::MAX], [512, 400], Reason::NoCode),
        ([0, 0], [64, 64], Reason::Unreadable),
        ([0, 0], [0, 400], Reason::Unreadable),
    ] {
        let file = crate::heic_files::overlay(canvas, &[(corner, [400, 300], &scene.pixels)]);
        assert_eq!(refused(&file).0, reason, "{corner:?} {canvas:?}");
    }
    // However large it says it is.
    let huge = u32::MAX as usize;
    let layer = ([0, 0], [400, 300], &*scene.pixels);
    let mut file = crate::heic_files::overlay([huge, huge], &[layer; 5]);
    assert_eq!(refused(&file).0, Reason::TooManyPixels);
    for at in (0..file.len() - 16).filter(|&at| file[at..].starts_with(b"ispe")).collect::<Vec<_>>() {
        file[at + 8..at + 16].fill(0xff);
    }
    assert_eq!(refused(&file).0, Reason::TooManyPixels);
}

#[test]
fn a_jpeg_file_in_the_container_is_read_as_such() {
    let scene = Scene::paper(400, 300).draw(&code(TEXT), Place::at(210.0, 140.0, 4.0));
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 90);
    encoder.encode(&scene.pixels, 400, 300, jpeg_encoder::ColorType::Luma).unwrap();
    let scan = jpeg.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
    for apart in [0, scan] {
        let reading = decode(&crate::heic_files::of_jpeg([400, 300], &jpeg, apart), &limits());
        assert_eq!(reading.codes.first().map(|code| code.text.as_str()), Some(TEXT), "{:?}", reading.reject);
        assert_eq!((reading.format, reading.width), (Some(Format::Jpeg), Some(400)));
    }
}

/// The file with `bytes` written at `at` behind the beginning of the first `kind` box.
fn lie(mut file: Vec<u8>, kind: &[u8; 4], at: usize, bytes: &[u8]) -> Vec<u8> {
    let at = body_of(&file, kind) + at;
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn sizes_that_lie_are_refused_by_the_header() {
    let header = |file: &[u8]| inspect(file, &limits()).map_err(|reject| reject.reason);
    let sized = |width: u32, height: u32| [width.to_be_bytes(), height.to_be_bytes()].concat();
    assert_eq!(header(&lie(single(), b"ispe", 4, &sized(u32::MAX, u32::MAX))), Err(Reason::TooManyPixels));
    assert_eq!(header(&lie(single(), b"ispe", 4, &sized(16_000, 16_000))), Err(Reason::TooManyPixels));
    assert_eq!(header(&lie(single(), b"ispe", 4, &sized(0, 300))), Err(Reason::Unreadable));
    // More than the stream holds, and less: neither takes the memory that the stream asks for.
    assert_eq!(refused(&lie(single(), b"ispe", 4, &sized(800, 900))).0, Reason::Unreadable);
    assert_eq!(refused(&lie(single(), b"ispe", 4, &sized(80, 90))).0, Reason::Unreadable);

    // The grid's own sizes: rows and columns less one, width and height.
    let grid_at = |file: &[u8]| {
        let sizes = [0, 0, 1, 1, 2, 188, 2, 88];
        file.windows(8).position(|eight| eight == sizes).expect("700 x 600 in 2 x 2 tiles")
    };
    let lie = |at: usize, bytes: &[u8]| {
        let mut file = grid();
        let from = grid_at(&file) + at;
        file[from..from + bytes.len()].copy_from_slice(bytes);
        file
    };
    assert!(header(&lie(0, &[])).is_ok());
    for (at, bytes) in [
        (2, &[255, 255][..]),
        (2, &[0, 0]),
        (4, &[0, 0, 0, 0]),
        (4, &[0, 1, 0, 1]),
        (4, &[255, 255, 255, 255]),
        (4, &[2, 0, 2, 0]),
        (0, &[1]),
    ] {
        let reason = header(&lie(at, bytes)).expect_err("a grid that lies");
        assert!(matches!(reason, Reason::Unreadable | Reason::Unsupported | Reason::TooManyPixels), "{reason:?}");
    }
}

/// A box.
fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

/// A file whose primary item 1 has this `iinf` body, `iloc` body, `iref` body.
fn tables(items: &[(u16, &[u8; 4])], iloc: &[u8], iref: &[u8]) -> Vec<u8> {
    let entries: Vec<u8> = items
        .iter()
        .flat_map(|(id, kind)| {
            boxed(b"infe", &[&[2, 0, 0, 0], &id.to_be_bytes()[..], &[0, 0], &kind[..], &[0]].concat())
        })
        .collect();
    let count = (items.len() as u16).to_be_bytes();
    let meta = [
        vec![0; 4],
        boxed(b"pitm", &[0, 0, 0, 0, 0, 1]),
        boxed(b"iinf", &[&[0, 0, 0, 0], &count[..], &entries].concat()),
        boxed(b"iloc", iloc),
        boxed(b"iref", iref),
        boxed(b"idat", &[0, 0, 255, 255, 16, 0, 16, 0]),
    ];
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &meta.concat())].concat()
}

/// `iloc` of version 1 whose item 1 is the eight bytes in `idat`.
const IN_IDAT: &[u8] = &[1, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8];

#[test]
fn tables_that_lie_end_in_a_reason() {
    // The grid is a tile of itself.
    let looped: Vec<u8> = std::iter::repeat_n([0, 1], 65_535).flatten().collect();
    let dimg = |count: u16, to: &[u8]| {
        let body = [&[0, 1], &count.to_be_bytes()[..], to].concat();
        [vec![0; 4], boxed(b"dimg", &body)].concat()
    };
    let files = [
        tables(&[(1, b"grid")], IN_IDAT, &dimg(1, &[0, 1])),
        tables(&[(1, b"grid")], IN_IDAT, &dimg(65_535, &looped)),
        tables(&[(1, b"grid")], IN_IDAT, &dimg(0, &[])),
        tables(&[(1, b"grid")], IN_IDAT, &dimg(9, &[0, 2])),
        tables(&[(1, b"hvc1")], IN_IDAT, &[0; 4]),
        tables(&[(2, b"hvc1")], IN_IDAT, &[0; 4]),
        // 65,535 pieces of no bytes each, whose numbers take no bytes in the file.
        tables(&[(1, b"grid")], &[1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff], &[0; 4]),
        // Four thousand million entries.
        tables(&[(1, b"grid")], &[2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], &[0; 4]),
        // At the end of all numbers.
        tables(
            &[(1, b"grid")],
            &[&[0, 0, 0, 0, 0x88, 0x80, 0, 1, 0, 1, 0, 0][..], &[0xff; 8], &[0, 1], &[0xff; 16]].concat(),
            &[0; 4],
        ),
        // Data that is made of other items.
        tables(&[(1, b"grid")], &[1, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8], &[0; 4]),
    ];
    for (index, file) in files.iter().enumerate() {
        let (reason, detail) = refused(file);
        let fine = matches!(reason, Reason::Unreadable | Reason::Unsupported | Reason::Truncated);
        assert!(fine, "{index}: {reason:?} {detail}");
    }
    // A million empty boxes.
    let boxes = [boxed(b"ftyp", b"heic\0\0\0\0"), boxed(b"free", &[]).repeat(1_000_000)].concat();
    assert_eq!(refused(&boxes).0, Reason::Unreadable);
}

#[test]
fn data_far_behind_the_end_is_a_file_cut_short() {
    let file = single();
    // The first item's place and length stand side by side.
    let data = (body_of(&file, b"mdat") as u32).to_be_bytes();
    let place = file.windows(4).position(|four| four == data).expect("where the first item is");
    let with = |at: usize, number: u32| {
        let mut file = file.clone();
        file[at..at + 4].copy_from_slice(&number.to_be_bytes());
        decode(&file, &limits())
    };
    assert_eq!(with(place, 0x7fff_ffff).reject.expect("no pixels").reason, Reason::Truncated);
    assert_eq!(with(place, u32::MAX).reject.expect("no pixels").reason, Reason::Truncated);
    // All of the picture is there, and then too little.
    for length in [0, 0x7fff_ffff, u32::MAX] {
        let reading = with(place + 4, length);
        assert!(reading.codes.iter().all(|code| code.text == TEXT));
        let reason = reading.reject.map(|reject| reject.reason);
        assert!(matches!(reason, None | Some(Reason::Truncated | Reason::Unreadable)), "{length}: {reason:?}");
    }
}

/// A scene of 480 by 360 pixels and its copy of a third, with a code in one, the other, or both.
fn with_copy(in_photo: bool, in_copy: bool) -> Vec<u8> {
    let scene = |scale: usize, has_code: bool| {
        let scene = Scene::paper(480 / scale, 360 / scale);
        let place = Place::at(240.0 / scale as f32, 180.0 / scale as f32, 9.0 / scale as f32);
        if has_code { scene.draw(&code(TEXT), place) } else { scene }
    };
    crate::heic_files::with_thumbnail([480, 360], &scene(1, in_photo).pixels, [160, 120], &scene(3, in_copy).pixels)
}

#[test]
fn a_code_in_the_small_copy_saves_reading_the_photo() {
    // Nothing is in the photo itself, so what is read comes from its copy; places are those of the photo.
    let reading = decode(&with_copy(false, true), &limits());
    let [code] = reading.codes.as_slice() else { panic!("one code: {reading:?}") };
    assert_eq!((code.text.as_str(), reading.width, reading.height), (TEXT, Some(480), Some(360)));
    // A climb over the photo itself, which shows nothing, would try them all.
    assert!(reading.rungs.len() <= 3, "{:?}", reading.rungs);
    let middle = |axis: usize| code.corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0;
    assert!((middle(0) - 240.0).abs() < 6.0 && (middle(1) - 180.0).abs() < 6.0, "{:?}", code.corners);
    let side = code.corners[1][0] - code.corners[0][0];
    assert!((side - 25.0 * 9.0).abs() < 40.0, "{:?}", code.corners);
}

#[test]
fn a_code_that_the_small_copy_does_not_show_is_read_in_the_photo() {
    for in_copy in [true, false] {
        let reading = decode(&with_copy(true, in_copy), &limits());
        assert_eq!(reading.codes.iter().map(|code| code.text.as_str()).collect::<Vec<_>>(), [TEXT]);
    }
    let reading = decode(&with_copy(false, false), &limits());
    assert_eq!(reading.reject.map(|reject| reject.reason), Some(Reason::NoCode));
}

#[test]
fn a_small_copy_that_is_broken_or_of_another_shape_is_left_alone() {
    let text = |file: &[u8]| decode(file, &limits()).codes.first().map(|code| code.text.clone());
    let scene = Scene::paper(480, 360).draw(&code(TEXT), Place::at(240.0, 180.0, 9.0));
    // As large as the photo, and as wide as high.
    for size in [[480, 360], [128, 128]] {
        let other = Scene::paper(size[0], size[1]).draw(&code("another text"), Place::at(64.0, 64.0, 3.0));
        let file = crate::heic_files::with_thumbnail([480, 360], &scene.pixels, size, &other.pixels);
        assert_eq!(text(&file).as_deref(), Some(TEXT), "{size:?}");
    }
    let mut broken = with_copy(true, true);
    let end = broken.len();
    broken[end - 200..].fill(0x5a);
    assert_eq!(text(&broken).as_deref(), Some(TEXT));
    // Cut within the copy, which comes last.
    assert_eq!(text(&broken[..end - 150]).as_deref(), Some(TEXT));
}
