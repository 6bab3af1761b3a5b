//! Object keys as phones and people make them, some of them naughty: what a notification has to encode and decode.

use jiff::civil;

/// The key of one photo: `<prefix>2026/03/14/berlin/IMG_0000042.jpg`. With `naughty`, a number from 0 to 1, the file's
/// name holds what form encoding is easily got wrong for. The index makes every key of a run unique.
pub fn object_key(
    prefix: &str,
    local: civil::DateTime,
    place: &str,
    index: u64,
    extension: &str,
    naughty: Option<f64>,
) -> String {
    let folder = folder(place);
    let day = local.strftime("%Y/%m/%d");
    let name = match naughty {
        None => format!("IMG_{index:07}"),
        Some(draw) => {
            let place = (draw * NAUGHTY.len() as f64) as usize;
            NAUGHTY.get(place).unwrap_or(&NAUGHTY[0]).replace('*', &format!("{index:07}"))
        }
    };
    format!("{prefix}{day}/{folder}/{name}.{extension}")
}

/// A place's name as a folder.
pub fn folder(place: &str) -> String {
    place.to_lowercase().replace([' ', '/'], "-")
}

/// Names with `*` where the index goes.
const NAUGHTY: [&str; 12] = [
    "IMG_* (1)+copy",
    "a+b++c+*",
    " leading and  double space *",
    "100% sharp *",
    "50%25 or 50% *",
    "%2B is not + *",
    "#* best",
    "what? a=1&b=2;*",
    "foto № * – größe",
    "写真 * 東京",
    "cafe\u{301} 📷 *",
    "it's \"*\"~[1],{2}",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_by_index_and_hold_the_naughty_characters() {
        let local = civil::date(2026, 3, 14).at(9, 30, 0, 0);
        assert_eq!(object_key("s/", local, "Berlin", 42, "jpg", None), "s/2026/03/14/berlin/IMG_0000042.jpg");
        let all: String = (0..12)
            .map(|place| object_key("", local, "Berlin", place, "jpg", Some((place as f64 + 0.5) / 12.0)))
            .collect();
        for wanted in ["+", "++", " ", "%", "#", "?", "&", "№", "写真", "\u{301}", "\"", "%2B"] {
            assert!(all.contains(wanted), "{wanted}");
        }
        let one = object_key("", local, "Berlin", 7, "jpg", Some(1.0));
        assert!(one.contains("0000007"), "{one}");
    }
}
