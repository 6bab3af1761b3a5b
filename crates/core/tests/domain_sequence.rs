//! Codes that are more than their text: GS1 by FNC1, and parts of a message.

use scanmill_core::domain::payload::{of, read};
use scanmill_core::domain::row::rows_of;
use scanmill_core::domain::{Capture, Code, PhotoRef, Reading, Reason, Rejection, Row, Sequence};

fn code(text: &str, symbology: &'static str, sequence: Option<(Option<u8>, u8, u8)>) -> Code {
    Code {
        text: text.into(),
        text_encoding: "ascii".into(),
        symbology,
        sequence: sequence.map(|(index, count, parity)| Sequence { index, count, parity }),
        rung: "full",
        corners: [[0.0; 2]; 4],
        qr_version: None,
        ecc_level: None,
        ecc_used: None,
    }
}

#[test]
fn fnc1_in_first_position_makes_element_strings() {
    for (text, kind, product_id, gtin) in [
        ("0109506000134352", "gs1_element_string", Some("09506000134352"), Some("09506000134352")),
        ("10A\u{1d}21B\u{1d}0109506000134352", "gs1_element_string", Some("09506000134352"), Some("09506000134352")),
        ("0109506000134353", "gs1_element_string", None, None),
        ("00106141412345678908", "gs1_element_string", Some("106141412345678908"), None),
        ("10A%B", "gs1_element_string", None, None),
        ("5812345", "gs1_element_string", None, None),
        ("HTTPS://ID.GS1.ORG/01/09506000134352", "gs1_digital_link", Some("09506000134352"), Some("09506000134352")),
    ] {
        for symbology in ["]Q3", "]Q4"] {
            let payload = of(&code(text, symbology, None), &[]);
            let found = (payload.kind, payload.product_id.as_deref(), payload.gtin.as_deref());
            assert_eq!(found, (kind, product_id, gtin), "{text}");
        }
    }
    for symbology in ["]Q0", "]Q1", "]Q2", "]Q5", "]Q6"] {
        assert_eq!(of(&code("0109506000134352", symbology, None), &[]), read("0109506000134352"));
    }
}

#[test]
fn rows_say_which_part_they_are() {
    let photo = PhotoRef {
        bucket: "inbox".into(),
        key: "a.jpg".into(),
        version_id: None,
        etag: Some("e".into()),
        size_bytes: None,
        sequencer: None,
        uploaded_at: None,
    };
    let codes = vec![
        code("https://shop.example/p/1", "]Q1", None),
        code("https://shop.example/p/2", "]Q1", Some((None, 2, 7))),
        code("https://shop.example/p/3", "]Q1", Some((Some(1), 3, 9))),
    ];
    let reading =
        Reading { reject: None, codes, ..Reading::refused(Rejection::new(Reason::NoCode, ""), Capture::default()) };
    let rows = rows_of(&photo, &reading, 0, "2026-11-22T15:41:00Z".parse().unwrap());
    let parts: Vec<_> = rows
        .iter()
        .map(|row| match row {
            Row::Scan(scan) => (scan.part_index, scan.part_count, scan.part_parity, scan.product_url.is_some()),
            Row::Rejection(rejection) => panic!("{rejection:?}"),
        })
        .collect();
    assert_eq!(parts, [(None, None, None, true), (None, Some(2), Some(7), true), (Some(1), Some(3), Some(9), false)]);
}

#[test]
fn a_fragment_names_no_product_and_hides_what_may_be_a_secret() {
    let head = code("WIFI:T:WPA;S:net;P:pass", "]Q1", Some((Some(0), 2, 9)));
    let tail = code("word;;", "]Q1", Some((Some(1), 2, 9)));
    let other = code("word;;", "]Q1", Some((Some(1), 2, 8)));
    let all = [head.clone(), tail.clone(), other.clone()];
    let stored = |code| of(code, &all).stored;
    assert_eq!((of(&head, &all).kind, stored(&head).contains("pass")), ("fragment", false));
    assert_eq!((stored(&tail).as_str(), stored(&other).as_str()), ("REDACTED", "word;;"));

    let part = code("https://shop.example/p/1", "]Q1", Some((Some(0), 2, 1)));
    let payload = of(&part, &[]);
    assert_eq!(
        (payload.kind, payload.product_url, payload.stored.as_str()),
        ("fragment", None, "https://shop.example/p/1")
    );
    assert_eq!(of(&code("https://shop.example/p/1", "]Q1", Some((None, 2, 1))), &[]).kind, "url");
}
