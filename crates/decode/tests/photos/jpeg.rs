//! JPEG photos of every kind, from their bytes to their codes: what the components are, and what is where in the file.

use crate::scene::{Place, Scene, code, limits};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use scanmill_core::domain::Reason;
use scanmill_decode::decode;

#[test]
fn corners_are_those_of_the_full_size_whatever_scale_was_read() {
    let text = "corners at any scale";
    let scene =
        Scene::paper(1_811, 2_405).draw(&code(text), Place { degrees: 12.0, ..Place::at(1_500.0, 2_000.0, 17.0) });
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 85).encode(&scene.rgb(), 1_811, 2_405, ColorType::Rgb).unwrap();
    let centre = |bytes: &[u8]| {
        let reading = decode(bytes, &limits());
        let [code] = reading.codes.as_slice() else { panic!("{:?}", reading.reject) };
        assert_eq!(code.text, text);
        code.corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0])
    };
    // One pixel of the rung is five here, so the scene itself tells less than another format does.
    let ([x, y], [png_x, png_y]) = (centre(&bytes), centre(&scene.png()));
    assert!((x - 1_500.0).abs() < 6.0 && (y - 2_000.0).abs() < 6.0, "{x} {y}");
    assert!((x - png_x).abs() < 2.5 && (y - png_y).abs() < 2.5, "{x} {y}, as PNG {png_x} {png_y}");
}

/// The bodies of the segments before the picture's data, with their markers, and where that data starts.
fn segments(bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, usize) {
    let (mut at, mut found) = (2, Vec::new());
    loop {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        found.push((bytes[at + 1], bytes[at + 4..end].to_vec()));
        at = end;
        if found.last().is_some_and(|(marker, _)| *marker == 0xda) {
            return (found, at);
        }
    }
}

/// The file with its segments changed; all scan headers are passed through `change` too.
fn changed(bytes: &[u8], change: impl Fn(u8, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut out = bytes[..2].to_vec();
    let mut rest = bytes;
    loop {
        let (parts, data) = segments(rest);
        for (marker, body) in parts {
            let Some(body) = change(marker, body) else { continue };
            out.extend([0xff, marker]);
            out.extend((body.len() as u16 + 2).to_be_bytes());
            out.extend(body);
        }
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
        let end = data + rest[data..].windows(2).position(is_marker).unwrap();
        out.extend(&rest[data..end]);
        if rest[end + 1] == 0xd9 {
            out.extend(&rest[end..]);
            return out;
        }
        // As if it began there: two bytes are passed over.
        rest = &rest[end - 2..];
    }
}

const PLANES_TEXT: &str = "three planes";

/// A scene in each of three planes, stored as they are, in every process.
fn three_planes(sampling: SamplingFactor, one_scan_each: bool) -> Vec<(String, Vec<u8>)> {
    let scene = Scene::paper(331, 277).draw(&code(PLANES_TEXT), Place { degrees: 8.0, ..Place::at(170.0, 140.0, 6.0) });
    let encoded = |progressive: bool| {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 90);
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        encoder.set_optimized_huffman_tables(one_scan_each);
        encoder.encode(&scene.rgb(), 331, 277, ColorType::Ycbcr).unwrap();
        (format!("{sampling:?} progressive {progressive}, one scan each {one_scan_each}"), bytes)
    };
    vec![encoded(false), encoded(true)]
}

fn is_frame(marker: u8) -> bool {
    (0xc0..=0xc2).contains(&marker)
}

fn reads(name: &str, bytes: &[u8]) {
    let reading = decode(bytes, &limits());
    let texts: Vec<&str> = reading.codes.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, [PLANES_TEXT], "{name}: {:?}", reading.reject);
    assert_eq!((reading.width, reading.height), (Some(331), Some(277)), "{name}");
    let [x, y] = reading.codes[0].corners.iter().fold([0.0, 0.0], |[x, y], at| [x + at[0] / 4.0, y + at[1] / 4.0]);
    // The encoder takes one of four samples, not their mean.
    assert!((x - 170.0).abs() < 3.0 && (y - 140.0).abs() < 3.0, "{name}: centre {x} {y}");
}

#[test]
fn rgb_is_told_by_component_ids_or_by_adobes_marker() {
    use SamplingFactor as S;
    for (name, file) in [S::F_1_1, S::F_2_1, S::F_2_2].into_iter().flat_map(|factor| three_planes(factor, false)) {
        let by_ids = changed(&file, |marker, mut body| {
            let at: &[usize] = if is_frame(marker) { &[6, 9, 12] } else { &[1, 3, 5] };
            if is_frame(marker) || marker == 0xda {
                let count = if is_frame(marker) { 3 } else { usize::from(body[0]) };
                at[..count].iter().for_each(|&at| body[at] = b"_RGB"[usize::from(body[at])]);
            }
            (marker != 0xe0).then_some(body)
        });
        reads(&format!("RGB by ids, {name}"), &by_ids);
        let by_adobe = changed(&file, |marker, body| (marker != 0xe0).then_some(body));
        let by_adobe = [&by_adobe[..2], &b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0"[..], &by_adobe[2..]].concat();
        reads(&format!("RGB by Adobe's marker, {name}"), &by_adobe);
    }
}

#[test]
fn brightness_of_rgb_is_that_of_its_colours() {
    // Red, green and blue planes of one value each.
    let pixels: Vec<u8> = std::iter::repeat_n([200, 100, 30], 64 * 64).flatten().collect();
    let mut file = Vec::new();
    Encoder::new(&mut file, 100).encode(&pixels, 64, 64, ColorType::Ycbcr).unwrap();
    let file = changed(&file, |marker, body| (marker != 0xe0).then_some(body));
    let rgb = [&file[..2], &b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0"[..], &file[2..]].concat();
    // The same without the mark is YCbCr: its Y is in the first plane.
    for (file, expected) in [(rgb, 122), (file, 200)] {
        let luma = scanmill_jpeg::brightness(&file, &|| true).unwrap();
        assert!(luma.pixels().iter().all(|pixel| pixel.abs_diff(expected) <= 1), "{:?}", &luma.pixels()[..4]);
    }
}

#[test]
fn components_may_share_an_id() {
    for (name, file) in three_planes(SamplingFactor::F_2_2, false).into_iter().take(1) {
        let same = changed(&file, |marker, mut body| {
            let at: &[usize] = if is_frame(marker) { &[6, 9, 12] } else { &[1, 3, 5] };
            if is_frame(marker) || marker == 0xda {
                at.iter().for_each(|&at| body[at] = 1);
            }
            Some(body)
        });
        reads(&name, &same);
    }
}

#[test]
fn brightness_may_have_fewer_samples_than_chroma() {
    use SamplingFactor as S;
    for (name, file) in
        [S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1].into_iter().flat_map(|factor| three_planes(factor, true))
    {
        // The frame names the third component first, which the encoder stored smaller: that is Y now.
        let turned = changed(&file, |marker, mut body| {
            if is_frame(marker) {
                body[6..15].rotate_right(3);
            }
            Some(body)
        });
        reads(&name, &turned);
    }
}

#[test]
fn frames_of_motion_pictures_leave_the_tables_out() {
    for factor in [SamplingFactor::F_2_1, SamplingFactor::F_2_2] {
        let (name, file) = three_planes(factor, false).swap_remove(0);
        reads(&name, &changed(&file, |marker, body| (marker != 0xc4 && marker != 0xe0).then_some(body)));
    }
}

#[test]
fn the_height_may_stand_behind_the_first_scan() {
    for one_scan_each in [false, true] {
        for (name, bytes) in three_planes(SamplingFactor::F_2_2, one_scan_each) {
            let open = changed(&bytes, |marker, mut body| {
                if is_frame(marker) {
                    body[1..3].fill(0);
                }
                Some(body)
            });
            let (_, data) = segments(&open);
            let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
            let end = data + open[data..].windows(2).position(is_marker).unwrap();
            let told = [&open[..end], &[0xff, 0xdc, 0, 4], &277u16.to_be_bytes(), &open[end..]].concat();
            reads(&name, &told);
            // Nowhere told, told as nothing, and cut before it is told.
            let reason = |bytes: &[u8]| decode(bytes, &limits()).reject.unwrap().reason;
            assert_eq!(reason(&open), Reason::Unreadable, "{name}");
            let nothing = [&told[..end + 4], &[0, 0], &told[end + 6..]].concat();
            assert_eq!(reason(&nothing), Reason::Unreadable, "{name}");
            for cut in [end - 20, end, end + 2, end + 5] {
                assert_eq!(reason(&told[..cut]), Reason::Truncated, "{name}");
            }
        }
    }
}

#[test]
fn a_segment_shorter_than_its_own_length_is_passed_over() {
    let (name, file) = three_planes(SamplingFactor::F_2_2, false).swap_remove(0);
    for length in [0, 1] {
        for junk in [&b""[..], b"junk"] {
            let odd = [&file[..2], &[0xff, 0xe5, 0, length], junk, &file[2..]].concat();
            reads(&format!("{name}, length {length}"), &odd);
        }
    }
}

#[test]
fn thousands_of_scans_take_no_thousandfold_time() {
    let (name, bytes) = three_planes(SamplingFactor::F_2_2, false).swap_remove(1);
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let (picture, end) = bytes.split_at(bytes.len() - 2);
    reads(&name, &[picture, &picture[last..].repeat(5_000), end].concat());
}
