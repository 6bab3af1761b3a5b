//! What codes say: segments, FNC1, character sets, and messages in several symbols, from pictures.

use crate::scene::{Place, Scene, limits, symbol};
use crate::stream::{Item, encode};
use scanmill_core::domain::{Code, Reading, Reason, Sequence, payload};
use scanmill_decode::{DecodeLimits, decode};

const VERSION: u8 = 4;

/// The codes of a sheet with these symbols side by side.
fn read(symbols: &[&[Item]]) -> Vec<Code> {
    reading(symbols).codes
}

fn reading(symbols: &[&[Item]]) -> Reading {
    let step = 260.0;
    let mut scene = Scene::paper(260 * symbols.len(), 260);
    for (number, items) in symbols.iter().enumerate() {
        let place = Place::at(step * (number as f32 + 0.5), 130.0, 5.0);
        scene = scene.draw_modules(&symbol(encode(items, VERSION), VERSION.into()), place);
    }
    decode(&scene.png(), &limits())
}

fn texts(codes: &[Code]) -> Vec<&str> {
    codes.iter().map(|code| code.text.as_str()).collect()
}

fn byte(text: impl AsRef<[u8]>) -> Item {
    Item::Byte(text.as_ref().to_vec())
}

fn alnum(text: &str) -> Item {
    Item::Alphanumeric(text.to_owned())
}

fn parity(text: impl AsRef<[u8]>) -> u8 {
    text.as_ref().iter().fold(0, |sum, byte| sum ^ byte)
}

#[test]
fn codes_say_each_segment_once() {
    for (items, text, encoding) in [
        (vec![alnum(""), byte("https://shop.example/p/4711")], "https://shop.example/p/4711", "ascii"),
        (vec![Item::Eci(26), Item::Eci(26), byte("https://shop.example/ü")], "https://shop.example/ü", "eci:utf-8"),
        (vec![Item::Eci(3), Item::Eci(26), alnum("HTTPS://SHOP.EXAMPLE")], "HTTPS://SHOP.EXAMPLE", "eci:utf-8"),
        (vec![byte("a"), Item::Numeric(String::new()), Item::Kanji(vec![]), byte("b")], "ab", "ascii"),
    ] {
        let codes = read(&[&items]);
        assert_eq!(texts(&codes), [text]);
        assert_eq!(codes[0].text_encoding, encoding);
    }
}

#[test]
fn what_no_code_names_is_guessed_and_said() {
    for (bytes, text, encoding) in [
        (&b"\x83\x5c\x81\x5b\x83\x58\x95\x5c\x8e\xa6"[..], "ソース表示", "guess:shift_jis"),
        (b"\x8b\x40\x94\x5c 123", "機能 123", "guess:shift_jis"),
        (b"\xd4\xcf\xc0\xde \xc0\xdb\xb3", "ﾔﾏﾀﾞ ﾀﾛｳ", "guess:shift_jis"),
        (b"\xb1\xb1\xbe\xa9\xca\xd0", "北京市", "guess:gb18030"),
        (b"\xbb\x4f\xa5\x5f\xa5\xab", "臺北市", "guess:big5"),
        (b"\xbe\xc8\xb3\xe7\xc7\xcf\xbc\xbc\xbf\xe4", "안녕하세요", "guess:euc-kr"),
        (b"\xcc\xee\xf1\xea\xe2\xe0", "Москва", "guess:windows-1251"),
        (b"caf\xe9", "café", "guess:windows-1252"),
        ("café".as_bytes(), "café", "utf-8"),
    ] {
        let codes = read(&[&[byte(bytes)]]);
        assert_eq!((texts(&codes), codes[0].text_encoding.as_str()), (vec![text], encoding));
    }
    // The qrcode crate takes any two bytes for kanji that could be some.
    let text = "https://shop.example/日本語のテスト";
    let code = qrcode::QrCode::new(text).unwrap();
    let codes = decode(&Scene::paper(300, 300).draw(&code, Place::at(150.0, 150.0, 5.0)).png(), &limits()).codes;
    assert_eq!(texts(&codes), [text]);
}

#[test]
fn a_gs1_code_names_its_product() {
    let digits = |digits: &str| Item::Numeric(digits.to_owned());
    for (items, text, gtin) in [
        (vec![Item::Gs1, digits("0109506000134352")], "0109506000134352", Some("09506000134352")),
        (
            vec![Item::Gs1, alnum("10A%%1%21SER%"), digits("0109506000134352")],
            "10A%1\u{1d}21SER\u{1d}0109506000134352",
            Some("09506000134352"),
        ),
        (vec![Item::Gs1, alnum("10A%%B")], "10A%B", None),
        (
            vec![Item::Eci(26), Item::Gs1, digits("17261231"), byte("0109506000134352")],
            "172612310109506000134352",
            Some("09506000134352"),
        ),
    ] {
        let codes = read(&[&items]);
        assert_eq!(texts(&codes), [text]);
        let meaning = payload::of(&codes[0], &codes);
        assert_eq!((meaning.kind, meaning.gtin.as_deref()), ("gs1_element_string", gtin), "{text}");
    }
    // The same text without FNC1 is only digits.
    let codes = read(&[&[digits("0109506000134352")]]);
    assert_eq!((codes[0].symbology, payload::of(&codes[0], &codes).kind), ("]Q1", "text"));
    // An address behind FNC1 is still an address.
    let codes = read(&[&[Item::Gs1, byte("https://shop.example/p/1")]]);
    assert_eq!((codes[0].symbology, payload::of(&codes[0], &codes).kind), ("]Q3", "url"));
}

#[test]
fn symbols_of_one_message_are_joined() {
    let text = "https://shop.example/größe/4711";
    // Within the ö: neither part is valid UTF-8.
    let cut = text.find('ö').unwrap() + 1;
    let (head, tail) = text.as_bytes().split_at(cut);
    let part = |index, bytes: &[u8]| vec![Item::Part(index, 2, parity(text)), byte(bytes)];
    let (first, second) = (part(0, head), part(1, tail));
    for order in [[&first, &second], [&second, &first]] {
        let codes = read(&order.map(Vec::as_slice));
        assert_eq!(texts(&codes), [text]);
        assert_eq!(codes[0].sequence, Some(Sequence { index: None, count: 2, parity: parity(text) }));
        assert_eq!((codes[0].text_encoding.as_str(), codes[0].ecc_used), ("utf-8", Some(0.0)));
        assert_eq!(payload::of(&codes[0], &codes).kind, "url");
        // The outline is the first symbol's own.
        let left = codes[0].corners.iter().map(|corner| corner[0]).fold(f32::MAX, f32::min);
        assert_eq!(left < 260.0, order[0] == &first);
    }
    // A symbol that was seen twice is one symbol; two whole copies are two codes, as with any code.
    assert_eq!(texts(&read(&[&second, &first, &second])), [text]);
    assert_eq!(texts(&read(&[&first, &second, &first, &second])), [text, text]);
}

#[test]
fn a_symbol_without_text_may_be_part_of_a_message() {
    let text = "https://shop.example/p/4711";
    let part = |index, items: Vec<Item>| [vec![Item::Part(index, 3, parity(text))], items].concat();
    let [head, tail] = [&text[..14], &text[14..]];
    for parts in [
        [vec![byte(head)], vec![byte(tail)], vec![]],
        [vec![byte(head)], vec![], vec![byte(tail)]],
        [vec![byte("")], vec![byte(head)], vec![byte(tail)]],
    ] {
        let symbols: Vec<Vec<Item>> = (0..).zip(parts).map(|(index, items)| part(index, items)).collect();
        let codes = read(&symbols.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(texts(&codes), [text], "{symbols:?}");
        assert_eq!(codes[0].sequence.map(|sequence| (sequence.index, sequence.count)), Some((None, 3)));
    }
}

#[test]
fn a_code_without_text_is_no_scan_and_the_rejection_names_it() {
    let alone: [&[Item]; 4] = [&[], &[byte("")], &[byte("\u{feff}")], &[Item::Part(1, 2, 0)]];
    for items in alone {
        let reading = reading(&[items]);
        let reject = reading.reject.expect("no scan");
        assert!(reading.codes.is_empty() && reject.reason == Reason::NoCode, "{items:?}");
        assert!(reject.detail.contains("a code with no text was found"), "{items:?}: {}", reject.detail);
        assert!(!reject.detail.contains("no code found"), "{items:?}: {}", reject.detail);
        assert_eq!(texts(&read(&[items, &[byte("beside it")]])), ["beside it"]);
    }
}

#[test]
fn symbols_of_other_messages_are_kept_apart() {
    let part = |index, count, text: &str, whole: &str| vec![Item::Part(index, count, parity(whole)), byte(text)];
    let (a, b) = ("https://a.example/1", "https://b.example/22");
    assert_ne!(parity(a), parity(b));
    let codes = read(&[
        &part(0, 2, &a[..9], a),
        &part(0, 2, &b[..9], b),
        &[byte("https://c.example")],
        &part(1, 2, &a[9..], a),
        &part(1, 2, &b[9..], b),
    ]);
    assert_eq!(texts(&codes), [a, b, "https://c.example"]);

    // Two messages whose parity agrees: only the right symbols give it.
    let (c, d) = ("xA|zK", "yB|wD");
    assert_eq!(parity(c), parity(d));
    let codes = read(&[&part(0, 2, "xA|", c), &part(0, 2, "yB|", d), &part(1, 2, "wD", d), &part(1, 2, "zK", c)]);
    assert_eq!(texts(&codes), [c, d]);
}

#[test]
fn a_part_is_no_message() {
    let whole = "https://shop.example/p/4711?batch=7";
    let part = |index, count, text: &str, parity| vec![Item::Part(index, count, parity), byte(text)];
    let (head, tail) = whole.split_at(24);
    let wrong = parity(whole) ^ 1;
    for (symbols, expected) in [
        // One is missing.
        (vec![part(0, 2, head, parity(whole))], vec![(head, 0, 2)]),
        (vec![part(0, 3, head, parity(whole)), part(2, 3, tail, parity(whole))], vec![(head, 0, 3), (tail, 2, 3)]),
        // The parity says that they do not belong together.
        (vec![part(0, 2, head, wrong), part(1, 2, tail, wrong)], vec![(head, 0, 2), (tail, 1, 2)]),
        (vec![part(0, 2, head, 1), part(1, 2, tail, 2)], vec![(head, 0, 2), (tail, 1, 2)]),
    ] {
        let symbols: Vec<&[Item]> = symbols.iter().map(Vec::as_slice).collect();
        let codes = read(&symbols);
        let found: Vec<_> = codes
            .iter()
            .map(|code| (code.text.as_str(), code.sequence.unwrap().index.unwrap(), code.sequence.unwrap().count))
            .collect();
        assert_eq!(found, expected);
        for code in &codes {
            let meaning = payload::of(code, &codes);
            assert_eq!((meaning.kind, meaning.product_url, meaning.product_id), ("fragment", None, None));
        }
    }
    // The only symbol of its sequence is the whole message.
    let codes = read(&[&part(0, 1, whole, 0)]);
    assert_eq!((texts(&codes), codes[0].sequence), (vec![whole], None));
    // Where one code is enough, the first symbol read is that.
    let scene = Scene::paper(260, 260)
        .draw_modules(&symbol(encode(&part(1, 2, tail, 7), VERSION), VERSION.into()), Place::at(130.0, 130.0, 5.0));
    let codes = decode(&scene.png(), &DecodeLimits { first_only: true, ..limits() }).codes;
    assert_eq!(codes[0].sequence, Some(Sequence { index: Some(1), count: 2, parity: 7 }));
}

#[test]
fn gs1_in_the_first_symbol_holds_for_all() {
    let packed = "10A%%1%0109506000134352";
    let parts = [
        vec![Item::Part(0, 2, parity(packed)), Item::Gs1, alnum("10A%%")],
        vec![Item::Part(1, 2, parity(packed)), alnum("1%"), Item::Numeric("0109506000134352".to_owned())],
    ];
    let codes = read(&[&parts[0], &parts[1]]);
    assert_eq!(texts(&codes), ["10A%1\u{1d}0109506000134352"]);
    assert_eq!(payload::of(&codes[0], &codes).gtin.as_deref(), Some("09506000134352"));
}
