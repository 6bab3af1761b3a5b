//! The character set of bytes whose code names none.
//!
//! UTF-8 is certain enough to need no guess, and some kinds of message name their set (`declared`). Otherwise each set in question is asked what the bytes would cost in bits if
//! they were its text (`languages`), a detector made for web pages has a vote, and the cheapest wins. The standard's
//! default, ISO 8859-1, needs no reason: every other set must be cheaper by its own rarity. A set in which the bytes would
//! be control characters is out. Bytes that no text has (a compressed file, a key) are nobody's language: each becomes the
//! character of its number, from which they can be had again.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{self as rs, Encoding};

use super::by_chance;
use super::charset::Charset;
use super::declared;
use super::languages::CANDIDATES;

/// Label of bytes that are ASCII, which all sets in question hold.
pub(super) const ASCII: &str = "ascii";

/// What kanji mode elsewhere in the message speaks for Shift_JIS, in bits.
const KANJI_MODE: f32 = 20.0;

/// What a byte from 0x81 to 0x9F speaks for Shift_JIS, in bits, if it is not a letter of a Latin word: most kanji begin with
/// one, while in Latin sets they are quotes, dashes and a few letters, which codes seldom hold.
const KANJI_LEADS: f32 = 9.0;

/// How many bits more a second set may cost to be named beside the first. Most texts that are read as what they are not are
/// marked so, and few of the others.
const DOUBT: f32 = 6.0;

/// What the undesignated bytes of a message are.
pub(super) struct Guess {
    set: Charset,
    label: String,
}

impl Guess {
    /// UTF-8 where the bytes are valid as such and not by chance, the set that the text names, UTF-16 by its mark or its
    /// zeros, else the likeliest set. `is_japanese`: kanji mode in the same message.
    pub(super) fn of(bytes: &[u8], is_japanese: bool) -> Guess {
        let named = |set: Charset| Guess { set, label: format!("guess:{}", set.name()) };
        if let Some(set) = utf_16_by_zeros(bytes) {
            return named(set);
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            if let Some(table) = by_chance::likelier(bytes, text) {
                let set = Charset::Table(table);
                return Guess { set, label: format!("guess:{}|utf-8", set.name()) };
            }
            return Guess { set: Charset::Table(rs::UTF_8), label: "utf-8".to_owned() };
        }
        if let Some(set) = declared::set(bytes).filter(|set| set.is_text(bytes)) {
            return Guess { set, label: format!("declared:{}", set.name()) };
        }
        let marked = match bytes {
            [0xfe, 0xff, _, _, ..] => Some(rs::UTF_16BE),
            [0xff, 0xfe, _, _, ..] => Some(rs::UTF_16LE),
            _ => None,
        };
        let marked = marked.filter(|set| Charset::Table(set).decode(bytes).is_some());
        match marked {
            Some(table) => named(Charset::Table(table)),
            None if bytes.iter().any(|byte| is_in_no_text(*byte)) => named(Charset::Binary),
            None => {
                let (table, other) = likeliest(bytes, is_japanese);
                let mut guess = named(Charset::Table(table));
                if let Some(other) = other {
                    guess.label.push_str(&format!("|{}", Charset::Table(other).name()));
                }
                guess
            }
        }
    }

    /// The standard's default, ISO 8859-1, unless that would be control characters.
    pub(super) fn standard(bytes: &[u8]) -> Guess {
        let default = Charset::Table(rs::WINDOWS_1252);
        if default.is_text(bytes) {
            return Guess { set: default, label: "iso-8859-1".to_owned() };
        }
        Guess::of(bytes, false)
    }

    /// The text of a part of the bytes, and its label.
    pub(super) fn decode(&self, bytes: &[u8]) -> (String, String) {
        let is_wide = matches!(self.set, Charset::Table(table) if !table.is_ascii_compatible());
        let label = if bytes.is_ascii() && !is_wide { ASCII } else { &self.label };
        (self.set.decode_lossy(bytes), label.to_owned())
    }
}

/// UTF-16 without a mark, as encoders write it that pass on their language's strings: of every two bytes nearly always
/// one, and never the other, is zero, and the characters are those of a text.
fn utf_16_by_zeros(bytes: &[u8]) -> Option<Charset> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if pairs.len() < 3 || !rest.is_empty() {
        return None;
    }
    let zeros = |place: usize| pairs.iter().filter(|pair| pair.get(place) == Some(&0)).count();
    let table = match (zeros(0), zeros(1)) {
        (high, 0) if high * 4 >= pairs.len() * 3 => rs::UTF_16BE,
        (0, high) if high * 4 >= pairs.len() * 3 => rs::UTF_16LE,
        _ => return None,
    };
    let set = Charset::Table(table);
    let is_text = |text: String| !text.chars().any(|letter| letter.is_control() && !letter.is_whitespace());
    set.decode(bytes).is_some_and(is_text).then_some(set)
}

/// Control characters that neither part lines nor, as those of ISO/IEC 15434 do, the fields of a message.
fn is_in_no_text(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x04 | 0x1b..=0x1f)
}

/// The set that the bytes cost least in, and the next best if it is hardly worse and says something else. windows-1252,
/// which takes any byte, where they are plain text in none.
fn likeliest(bytes: &[u8], is_japanese: bool) -> (&'static Encoding, Option<&'static Encoding>) {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let voted = detector.guess(None, Utf8Detection::Deny);
    let costs = CANDIDATES.iter().filter_map(|candidate| {
        // It knows one of the two KOI8 only.
        let is_voted = candidate.table == voted || voted == rs::KOI8_U && candidate.table == rs::KOI8_R;
        let vote = if is_voted { candidate.vote } else { 0.0 };
        let mut kanji = 0.0;
        if candidate.table == rs::SHIFT_JIS {
            kanji += if is_japanese { KANJI_MODE } else { 0.0 };
            kanji += if begins_kanji(bytes) { KANJI_LEADS } else { 0.0 };
        }
        Some((candidate.table, candidate.cost(bytes)? - vote - kanji))
    });
    let mut costs: Vec<_> = costs.collect();
    costs.sort_by(|a, b| a.1.total_cmp(&b.1));
    let Some((best, least)) = costs.first().copied() else { return (rs::WINDOWS_1252, None) };
    let text = |table: &'static Encoding| table.decode_without_bom_handling(bytes).0;
    let close = costs.iter().skip(1).take_while(|(_, cost)| *cost < least + DOUBT);
    (best, close.map(|(table, _)| *table).find(|table| text(table) != text(best)))
}

/// Whether there is a byte from 0x81 to 0x9F that is not a letter of a Latin word: it begins none, as the `Š` of `Šibenik` and
/// `ŠIBENIK`, and is in none, as the `ś` of `ość` and the `Ž` of `MUŽE`.
fn begins_kanji(bytes: &[u8]) -> bool {
    // ŠŚŤŽŹ and Œ, and the small ones.
    let is_latin = |byte: u8| matches!(byte & 0xef, 0x8a | 0x8c..=0x8f);
    let is_lead = |byte: &u8| (0x81..=0x9f).contains(byte);
    bytes.iter().enumerate().filter(|(_, byte)| is_lead(byte)).any(|(at, byte)| {
        let behind = bytes.get(at + 1..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let is_word =
            |next: fn(&u8) -> bool| matches!(behind, [trail, other, ..] if trail.is_ascii_alphabetic() && next(other));
        let is_capital =
            before.is_some_and(u8::is_ascii_uppercase) && behind.first().is_some_and(u8::is_ascii_uppercase);
        !before.is_some_and(u8::is_ascii_lowercase)
            && !is_word(u8::is_ascii_lowercase)
            && !(is_latin(*byte) && (is_capital || is_word(u8::is_ascii_uppercase)))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::guess_words::{ASCII_AROUND, LANGUAGES, LanguageInCharset};
    use super::*;

    const TEXTS: usize = 400;

    /// A made text: some words, with or without ASCII around, as codes hold them.
    fn text(language: &LanguageInCharset, random: &mut ChaCha8Rng) -> String {
        let words: Vec<&str> = language.words.split(' ').collect();
        let count = *[1, 1, 2, 2, 3, 4, 5, 8].choose(random).unwrap();
        let picked: Vec<&str> = (0..count).map(|_| *words.choose(random).unwrap()).collect();
        let between = if language.has_spaces || random.random_bool(0.3) { " " } else { "" };
        let (before, after) = ASCII_AROUND.choose(random).unwrap();
        format!("{before}{}{after}", picked.join(between))
    }

    /// The confusion matrix is printed with `--nocapture`.
    #[test]
    #[allow(clippy::disallowed_macros, reason = "the test runner's own output")]
    fn made_texts_of_every_set_are_told_apart() {
        let mut random = ChaCha8Rng::seed_from_u64(41);
        let mut missed = Vec::new();
        for language in LANGUAGES {
            let mut right = 0;
            let mut wrong: BTreeMap<&str, usize> = BTreeMap::new();
            let mut made = 0;
            while made < TEXTS {
                let text = text(language, &mut random);
                let (bytes, _, lossy) = language.table.encode(&text);
                if lossy || std::str::from_utf8(&bytes).is_ok() {
                    continue;
                }
                made += 1;
                let (table, _) = likeliest(&bytes, false);
                if table.decode_without_bom_handling(&bytes).0 == text {
                    right += 1;
                } else {
                    *wrong.entry(table.name()).or_default() += 1;
                }
            }
            let name = format!("{} in {}", language.name, language.table.name());
            println!("{name:34} {right}/{TEXTS} {wrong:?}");
            if right < language.least {
                missed.push(format!("{name}: {right} of {TEXTS}, at least {} wanted: {wrong:?}", language.least));
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    }

    #[test]
    fn texts_that_are_easily_mistaken() {
        let cases: &[(&'static Encoding, &str)] = &[
            (rs::WINDOWS_1252, "café"),
            (rs::WINDOWS_1252, "Grüße aus Köln"),
            (rs::WINDOWS_1252, "à côté de l’école"),
            (rs::WINDOWS_1252, "CORAÇÃO"),
            (rs::WINDOWS_1252, "£20"),
            (rs::WINDOWS_1252, "20 °C"),
            (rs::WINDOWS_1252, "5 €"),
            (rs::WINDOWS_1252, "Šibenik"),
            (rs::WINDOWS_1252, "blåbærgrød på Ærø"),
            // A trail byte that is `@` or 0xFC, and one that is a letter.
            (rs::SHIFT_JIS, "機能"),
            (rs::SHIFT_JIS, "ァア"),
            (rs::SHIFT_JIS, "能力"),
            (rs::SHIFT_JIS, "ソース表示"),
            (rs::SHIFT_JIS, "https://shop.example/p/商品"),
            (rs::SHIFT_JIS, "ﾔﾏﾀﾞ ﾀﾛｳ"),
            (rs::SHIFT_JIS, "ｶﾌﾞｼｷｶﾞｲｼｬ"),
            (rs::SHIFT_JIS, "能"),
            (rs::SHIFT_JIS, "構"),
            (rs::SHIFT_JIS, "顛鼎"),
            (rs::SHIFT_JIS, "No.季706"),
            (rs::SHIFT_JIS, "A棟 3F"),
            (rs::WINDOWS_1252, "it’s 5€"),
            (rs::WINDOWS_1252, "“Café”"),
            (rs::WINDOWS_1252, "Œuvre – 20 €"),
            (rs::SHIFT_JIS, "東京 ﾃｽﾄ"),
            (rs::GB18030, "扫码关注微信公众号"),
            (rs::GB18030, "北京市朝阳区"),
            (rs::BIG5, "臺北市信義區"),
            (rs::BIG5, "功能許可"),
            (rs::EUC_KR, "안녕하세요"),
            (rs::EUC_KR, "서울특별시 강남구"),
            (rs::WINDOWS_1251, "Москва, ул. Ленина"),
            (rs::WINDOWS_1251, "ЦЕНА 100 руб."),
            (rs::ISO_8859_7, "Αθήνα"),
            (rs::WINDOWS_1250, "Łódź, ulica Żółta"),
            (rs::WINDOWS_1250, "Toruń"),
            (rs::ISO_8859_2, "rial irański"),
            (rs::WINDOWS_1250, "Swarzędz"),
            (rs::WINDOWS_1252, "El Niño, ESPAÑA"),
            (rs::WINDOWS_1252, "fenêtre, crêpe"),
            (rs::WINDOWS_1254, "İstanbul Şişli"),
            (rs::WINDOWS_874, "ประเทศไทย"),
            (rs::WINDOWS_1255, "שלום עולם"),
            (rs::WINDOWS_1256, "السلام عليكم"),
            // A second set is close to each of these.
            (rs::SHIFT_JIS, "ﾊﾞﾅﾅ"),
            (rs::SHIFT_JIS, "ｵｵｻｶ"),
            (rs::SHIFT_JIS, "ｾｲﾋﾝ"),
            (rs::EUC_JP, "価格くださいお茶"),
            (rs::EUC_JP, "こんにちは世界"),
            (rs::EUC_JP, "東京 4711"),
            (rs::KOI8_R, "Москва"),
            (rs::KOI8_R, "товар 12"),
            (rs::KOI8_R, "Привет"),
            (rs::KOI8_U, "Дякую"),
            (rs::ISO_8859_5, "Москва"),
            (rs::ISO_8859_5, "спасибо"),
            (rs::ISO_8859_5, "Цена 100 руб"),
            (rs::IBM866, "Санкт-Петербург"),
            (rs::WINDOWS_1257, "Šiauliai, Žemaičių gatvė"),
            (rs::WINDOWS_1257, "Rīga, Brīvības iela"),
            (rs::ISO_8859_6, "شكرا جزيلا"),
            (rs::GB18030, "谢谢"),
            (rs::GB18030, "价格"),
            (rs::BIG5, "謝謝"),
            (rs::EUC_KR, "가격"),
            (rs::WINDOWS_1251, "годен"),
            (rs::BIG5, "蓋章"),
            (rs::EUC_KR, "예약"),
            (rs::WINDOWS_1250, "příručka"),
            (rs::WINDOWS_1250, "újság"),
            (rs::WINDOWS_1250, "ŽIVOT"),
            (rs::WINDOWS_1250, "Počkaj, Šárka"),
            (rs::WINDOWS_1254, "fiyatı"),
            (rs::WINDOWS_1252, "três"),
            (rs::WINDOWS_1252, "åpnet"),
            (rs::WINDOWS_1252, "È 123"),
        ];
        for (table, text) in cases {
            let (bytes, _, lossy) = table.encode(text);
            assert!(!lossy, "{text}");
            assert_eq!(Guess::of(&bytes, false).decode(&bytes).0, *text, "{}", likeliest(&bytes, false).0.name());
        }
    }

    #[test]
    fn a_single_kanji_is_read_whatever_stands_around_it() {
        let pairs = (0x88u8..=0x97).flat_map(|lead| (0x40u8..=0xfc).map(move |trail| [lead, trail]));
        let mut read = 0;
        for pair in pairs {
            let kanji = rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(&pair);
            let Some(kanji) = kanji else { continue };
            for text in [
                kanji.to_string(),
                format!("No.{kanji}706"),
                format!("https://x.jp/{kanji}"),
                format!("{kanji} ABC"),
                format!("{kanji}様"),
            ] {
                let bytes = rs::SHIFT_JIS.encode(&text).0;
                assert_eq!(Guess::of(&bytes, false).decode(&bytes).0, text);
                read += 1;
            }
        }
        assert!(read > 14_000, "{read}");
    }

    #[test]
    fn what_two_sets_say_as_well_is_no_certain_guess() {
        // A syllable of Korean or two letters of katakana; Russian, or Hebrew or Greek; Turkish or Icelandic.
        for bytes in [&b"\xb3\xd7"[..], b"A-12 \xec\xec", b"\xed\xe5\xe9", b"de\xf0il"] {
            let label = Guess::of(bytes, false).decode(bytes).1;
            assert!(label.starts_with("guess:") && label.contains('|'), "{label}");
        }
        for text in ["Grüße aus Köln", "À la carte, 5 €"] {
            let bytes = rs::WINDOWS_1252.encode(text).0;
            assert_eq!(Guess::of(&bytes, false).decode(&bytes).1, "guess:windows-1252");
        }
        let bytes = rs::SHIFT_JIS.encode("お問い合わせ").0;
        assert_eq!(Guess::of(&bytes, false).decode(&bytes).1, "guess:shift_jis");
    }

    #[test]
    fn what_is_no_text_is_no_language() {
        for bytes in [&b"\x1f\x8b\x08\0M\xfa\xd7\x14'\xa0\xae\xb3"[..], b"PK\x03\x04\xa5M\xca", b"\0\x80\xff"] {
            let (text, label) = Guess::of(bytes, false).decode(bytes);
            assert!(text.chars().map(u32::from).eq(bytes.iter().map(|byte| u32::from(*byte))), "{text:?}");
            assert_eq!(label, "guess:binary");
        }
        // Messages of ISO/IEC 15434 have separators, and so have columns.
        for (bytes, label) in [
            (&b"[)>\x1e06\x1d1PK\xe4se\x1e\x04"[..], "guess:windows-1252"),
            (b"K\xe4se\t5\r\n", "guess:windows-1252"),
            (b"\0\x01\x02", "ascii"),
        ] {
            let found = Guess::of(bytes, false).decode(bytes).1;
            assert!(found == label || found.starts_with(&format!("{label}|")), "{found}");
        }
    }

    #[test]
    fn utf_16_is_told_by_its_zeros() {
        for text in ["https://shop.example/p/1", "Größe 42", "abc日", "a\r\nb"] {
            let units = text.encode_utf16();
            let big: Vec<u8> = units.clone().flat_map(u16::to_be_bytes).collect();
            let little: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
            for (bytes, label) in [(big, "guess:utf-16be"), (little, "guess:utf-16le")] {
                assert_eq!(Guess::of(&bytes, false).decode(&bytes), (text.to_owned(), label.to_owned()));
            }
        }
        for bytes in [&b"a\0"[..], b"a\0b\0c", b"\0\x01\0\x02\0\x03", b"a\0\0b\0c"] {
            assert!(Guess::of(bytes, false).label == "utf-8", "{bytes:?}");
        }
    }

    #[test]
    fn marks_and_kanji_mode_are_heeded() {
        assert_eq!(Guess::of(b"\xfe\xff\0A\x65\xe5", false).decode(b"\xfe\xff\0A\x65\xe5").0, "\u{feff}A日");
        assert_eq!(Guess::of(b"\xff\xfeA\0\xe5\x65", false).label, "guess:utf-16le");
        // Two letters or one kana: kanji mode beside it decides.
        let (bytes, _, _) = rs::SHIFT_JIS.encode("ｱｲ");
        assert_eq!(Guess::of(&bytes, true).decode(&bytes).0, "ｱｲ");
    }

    proptest! {
        /// Nothing becomes a control character that is plain text in some other set.
        #[test]
        fn control_characters_only_where_nothing_else_is_left(bytes in prop::collection::vec(0x20u8..=0xff, 1..24)) {
            let is_strange = |letter: char| !letter.is_ascii() && letter.is_control();
            let (text, label) = Guess::of(&bytes, false).decode(&bytes);
            if text.chars().any(is_strange) && label.starts_with("guess:") {
                for candidate in CANDIDATES.iter() {
                    prop_assert_eq!(candidate.cost(&bytes), None, "{} not taken for {:?}", candidate.table.name(), text);
                }
            }
        }
    }
}
