//! Time and place from the inbox to the rows, through the real binary: the zone of the place, and what a photo whose
//! header is refused still says.

use crate::process::{Root, photo};
use exif::{Field, Tag};

/// Paris, without an offset.
fn paris() -> Vec<Field> {
    let mut fields = photo::position(48.8582, 2.2945);
    fields.push(photo::ascii(Tag::DateTimeOriginal, "2024:05:03 14:25:36"));
    fields
}

/// A photo of Paris, and one cut off in its header behind the EXIF.
fn inbox() -> Root {
    let root = Root::new();
    let whole = photo::jpeg_with("https://shop.example/p/1", paris());
    root.drop_photo("whole.jpg", &whole);
    // Up to the segment behind EXIF's.
    let exif = whole.windows(6).position(|six| six == b"Exif\0\0").unwrap();
    let length = usize::from(u16::from_be_bytes([whole[exif - 2], whole[exif - 1]]));
    root.drop_photo("cut.jpg", &whole[..exif - 2 + length]);
    root
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn the_zone_of_the_place_is_in_the_row_and_a_refused_header_says_when_and_where() {
    let root = inbox();
    root.run_until_empty();
    let scans = root.query("select captured_at, utc_offset_minutes, captured_at_source, geo_source from scans");
    assert_eq!(scans, [some(&["2024-05-03 12:25:36.000", "120", "exif_original+place_zone", "exif_gps"])]);
    let rejections = root.query("select stage, reason, detail from rejections");
    let [rejection] = rejections.as_slice() else { panic!("one rejection: {rejections:?}") };
    assert_eq!(rejection[..2], some(&["decode", "truncated"]), "{rejection:?}");
    let detail = rejection[2].as_deref().unwrap();
    assert!(detail.ends_with("; taken 2024-05-03T12:25:36.000Z at 48.8582, 2.2945"), "{detail}");
}

#[test]
fn the_zone_of_the_place_can_be_turned_off() {
    let root = inbox();
    let mut command = root.command(&["run", "--until-empty"]);
    command.env("SCANMILL_DECODE_PLACE_ZONE", "false");
    assert_eq!(crate::process::Running::start(command).ended().code, Some(0));
    let scans = root.query("select captured_at, utc_offset_minutes, captured_local, captured_at_source from scans");
    let expected = [None, None, Some("2024-05-03 14:25:36.000".to_owned()), Some("exif_original".to_owned())];
    assert_eq!(scans, [expected.to_vec()]);
}
