use proptest::prelude::*;
use rxing::qrcode::common::{ErrorCorrectionLevel, Version};
use rxing::qrcode::cpp_port::decoder::DecodeBitStream;

use super::encoder::{Item, encode};
use super::*;

use Item::{Alphanumeric, Application, Byte, Eci, Gs1, Hanzi, Kanji, Numeric, Raw};

fn message(items: &[Item], version: u8) -> Option<Message> {
    Message::parse(&encode(items, version), Symbol { version, is_model_1: false })
}

fn content(items: &[Item]) -> Content {
    message(items, 7).unwrap().content().unwrap()
}

fn alnum(text: &str) -> Item {
    Alphanumeric(text.to_owned())
}

fn byte(bytes: impl AsRef<[u8]>) -> Item {
    Byte(bytes.as_ref().to_vec())
}

fn number(digits: &str) -> Item {
    Numeric(digits.to_owned())
}

/// Streams with what ISO/IEC 18004 says of them: text, encoding, symbology identifier.
#[test]
fn streams_say_what_the_standard_says() {
    let cases: &[(&[Item], &str, &str, &str)] = &[
        // Segments of nothing, at every place, and ECIs with nothing between.
        (&[alnum(""), byte("https://shop.example")], "https://shop.example", "ascii", "]Q1"),
        (&[byte("one"), byte(""), number(""), byte("two")], "onetwo", "ascii", "]Q1"),
        (&[byte("one"), Kanji(vec![]), byte("two")], "onetwo", "ascii", "]Q1"),
        (&[Eci(26), Eci(26), byte("naïve")], "naïve", "eci:utf-8", "]Q2"),
        (&[Eci(3), Eci(26), alnum("HTTPS://A.B"), byte("é")], "HTTPS://A.Bé", "eci:utf-8", "]Q2"),
        (&[Eci(26), Eci(3), byte(b"\xe9")], "é", "eci:windows-1252", "]Q2"),
        (
            &[byte("a"), Eci(26), byte("é"), Eci(26), Eci(4), byte(b"\xb1"), Eci(26)],
            "aéą",
            "eci:utf-8+eci:iso-8859-2",
            "]Q2",
        ),
        // FNC1 in first position: `%%` is `%`, `%` is a separator, in alphanumeric mode only.
        (&[Gs1, number("0109506000134352")], "0109506000134352", "ascii", "]Q3"),
        (&[Gs1, alnum("10A%%B")], "10A%B", "ascii", "]Q3"),
        (&[Gs1, alnum("10A%B")], "10A\u{1d}B", "ascii", "]Q3"),
        (&[Gs1, alnum("10%%%%%B%%")], "10%%\u{1d}B%", "ascii", "]Q3"),
        (&[Gs1, alnum("%"), alnum("%")], "\u{1d}\u{1d}", "ascii", "]Q3"),
        (&[Gs1, byte(b"10A%%B\x1d21C")], "10A%%B\u{1d}21C", "ascii", "]Q3"),
        (&[Eci(26), Gs1, byte("10é")], "10é", "eci:utf-8", "]Q4"),
        (&[alnum("A%%B")], "A%%B", "ascii", "]Q1"),
        // FNC1 in second position, with its application indicator.
        (&[Application(37), alnum("AA1%23%%")], "37AA1\u{1d}23%", "ascii", "]Q5"),
        (&[Application(5), number("123")], "05123", "ascii", "]Q5"),
        (&[Application(165), number("123")], "A123", "ascii", "]Q5"),
        (&[Application(222), number("123")], "z123", "ascii", "]Q5"),
        (&[Eci(26), Application(10), byte("é")], "10é", "eci:utf-8", "]Q6"),
        // UTF-8 that its encoder packed in kanji mode where it could.
        (
            &[Kanji(b"\xe6\x97".to_vec()), byte(b"\xa5"), Kanji(b"\xe6\x9c".to_vec()), byte(b"\xac")],
            "日本",
            "utf-8",
            "]Q1",
        ),
        (&[byte("a"), Kanji("あい".as_bytes().to_vec())], "aあい", "utf-8", "]Q1"),
        (&[Kanji(b"\xe4\xaa\x83\x65".to_vec())], "茗テ", "shift_jis", "]Q1"),
        // Modes with a character set of their own.
        (&[Kanji(b"\x93\x5f\xe4\xaa".to_vec())], "点茗", "shift_jis", "]Q1"),
        (&[Hanzi(b"\xd6\xd0\xce\xc4".to_vec())], "中文", "gb18030", "]Q1"),
        (&[byte("é"), Kanji(b"\x93\xfa".to_vec()), number("7")], "é日7", "utf-8+shift_jis", "]Q1"),
        // Under an ECI every mode only packs bytes; one that does not fit is taken at its own word.
        (&[Eci(20), byte(b"\x83e"), Kanji(b"\x93\xfa".to_vec())], "テ日", "eci:shift_jis", "]Q2"),
        (&[Eci(26), byte("é"), Kanji(b"\x93\xfa".to_vec())], "é日", "eci:26/shift_jis", "]Q2"),
        // A character that begins in one segment and ends in the next.
        (&[byte(b"\xe6\x97"), byte(b"\xa5")], "日", "utf-8", "]Q1"),
        (&[Eci(20), byte(b"\x83"), alnum("A")], "ア", "eci:shift_jis", "]Q2"),
        (&[Eci(25), byte(b"\0"), alnum("A")], "A", "eci:utf-16be", "]Q2"),
        // What is wrong with its ECI, or unknown, is guessed.
        (
            &[Eci(26), byte(b"caf\xe9 noir, s'il vous pla\xeet")],
            "café noir, s'il vous plaît",
            "eci:26/guess:windows-1252",
            "]Q2",
        ),
        (&[Eci(36), byte("é")], "é", "eci:36/utf-8", "]Q2"),
        (&[Eci(811_799), byte("plain")], "plain", "eci:811799/ascii", "]Q2"),
        (&[Eci(899), byte(b"\x00\xff")], "\0ÿ", "eci:binary", "]Q2"),
        (&[byte("\u{feff}https://a.b")], "https://a.b", "utf-8", "]Q1"),
    ];
    for (items, text, encoding, symbology) in cases {
        let content = content(items);
        let found = (content.text.as_str(), content.encoding.as_str(), content.symbology);
        assert_eq!(found, (*text, *encoding, *symbology), "{items:?}");
    }
}

#[test]
fn before_the_first_eci_the_standards_default_holds() {
    let content = content(&[byte(b"caf\xe9 "), Eci(26), byte("é")]);
    assert_eq!((content.text.as_str(), content.encoding.as_str()), ("café é", "iso-8859-1+eci:utf-8"));
    // Bytes that would be control characters there are something else.
    assert_eq!(self::content(&[byte("に"), Eci(26), byte("é")]).text, "にé");
}

#[test]
fn broken_streams_say_nothing() {
    let broken: &[&[Item]] = &[
        &[Raw(6, 4), byte("a")],
        &[Raw(4, 4), Raw(200, 8)],
        &[Raw(1, 4), Raw(3, 10), Raw(1000, 10)],
        &[Raw(1, 4), Raw(1, 10), Raw(10, 4)],
        &[Raw(2, 4), Raw(2, 9), Raw(2025, 11)],
        &[Raw(2, 4), Raw(1, 9), Raw(45, 6)],
        &[Raw(13, 4), Raw(2, 4), Raw(1, 8), Raw(5, 13)],
        &[Raw(7, 4), Raw(0xff, 8)],
        &[Application(120), byte("a")],
        &[byte("a"), Application(37)],
    ];
    for items in broken {
        assert_eq!(message(items, 1), None, "{items:?}");
    }
    assert_eq!(message(&[], 1).and_then(|message| message.content()), None);
    assert_eq!(message(&[Eci(26), byte("")], 1).and_then(|message| message.content()), None);
}

#[test]
fn model_1_begins_with_four_bits_more() {
    let codewords = encode(&[Raw(0, 4), byte("old")], 3);
    let content = Message::parse(&codewords, Symbol { version: 3, is_model_1: true }).unwrap().content().unwrap();
    assert_eq!((content.text.as_str(), content.symbology), ("old", "]Q0"));
}

/// Streams that rxing gets right.
fn streams() -> impl Strategy<Value = Vec<Item>> {
    let characters = "[0-9A-Z $*+./:-]{1,12}";
    let word = "[a-z]{1,5}[é日яß€]{0,2}[ -~]{1,9}";
    let kanji =
        prop::collection::vec(prop::sample::select(vec![b"\x93\xfa", b"\x96\x7b", b"\x83\x65", b"\xe4\xaa"]), 1..6);
    let kanji = kanji.prop_map(|pairs| Kanji(pairs.into_iter().flatten().copied().collect()));
    let plain = prop_oneof![
        "[0-9]{1,30}".prop_map(Numeric),
        characters.prop_map(Alphanumeric),
        word.prop_map(|word| Byte(word.into_bytes())),
        kanji,
    ];
    // rxing takes what looks like a byte order mark for one, whatever character set is named.
    let is_mark =
        |bytes: &[u8]| [&b"\xfe\xff"[..], b"\xff\xfe", b"\xef\xbb\xbf"].iter().any(|mark| bytes.starts_with(mark));
    let latin = prop::collection::vec(0xa0u8..=0xff, 1..9).prop_filter("a mark", move |bytes| !is_mark(bytes));
    let named = prop_oneof![
        word.prop_map(|word| vec![Eci(26), Byte(word.into_bytes())]),
        ("[0-9]{1,9}", characters).prop_map(|(digits, text)| vec![Eci(26), Numeric(digits), Alphanumeric(text)]),
        (prop::sample::select(vec![3u32, 4, 7, 15, 17, 18, 22, 23]), latin.clone())
            .prop_map(|(number, bytes)| vec![Eci(number), Byte(bytes)]),
        Just(vec![Eci(20), Kanji(b"\x93\xfa\x96\x7b".to_vec()), Byte(b"\xb1\xb2A".to_vec())]),
        Just(vec![Eci(25), Byte(b"\x65\xe5\x00a".to_vec())]),
        Just(vec![Eci(29), Byte(b"\xd6\xd0\xce\xc4".to_vec())]),
    ];
    let named = (prop::option::of("[ -~]{1,9}"), prop::collection::vec(named, 1..4)).prop_map(|(before, named)| {
        before.map(|text| Byte(text.into_bytes())).into_iter().chain(named.into_iter().flatten()).collect()
    });
    let marked = ("[0-9A-Z./]{1,9}(%[0-9A-Z]{1,5}){0,2}", "[0-9]{1,14}", any::<bool>());
    let marked = marked.prop_map(|(text, digits, is_first)| {
        vec![if is_first { Gs1 } else { Application(37) }, Numeric(digits), Alphanumeric(text)]
    });
    prop_oneof![3 => prop::collection::vec(plain, 1..6), 3 => named, 1 => marked]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_with_rxing_where_that_is_right(items in streams(), version in prop::sample::select(vec![1u8, 9, 10, 26, 27, 40])) {
        let codewords = encode(&items, version);
        let rxing_version = Version::Model2(version.into()).unwrap();
        let other = DecodeBitStream(&codewords, rxing_version, ErrorCorrectionLevel::L).unwrap();
        prop_assert!(other.isValid());
        let ours = message(&items, version).unwrap().content().unwrap();
        prop_assert_eq!(&ours.text, &other.text());
        let symbology = other.content().symbology;
        let modifier = symbology.modifier + u8::from(other.content().has_eci) * symbology.eciModifierOffset;
        prop_assert_eq!(ours.symbology, format!("]Q{}", char::from(modifier)));
    }

    #[test]
    fn any_codewords_are_read_or_refused(codewords in prop::collection::vec(any::<u8>(), 0..60), version in 1u8..=40, is_model_1 in any::<bool>()) {
        let message = Message::parse(&codewords, Symbol { version, is_model_1 });
        if let Some(content) = message.and_then(|message| message.content()) {
            prop_assert!(!content.text.is_empty() && !content.encoding.is_empty());
        }
    }
}
