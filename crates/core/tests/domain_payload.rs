//! Payloads: what each kind of code text becomes, and that no secret and no panic gets through.

use proptest::prelude::*;
use scanmill_core::domain::columns::text_cap;
use scanmill_core::domain::payload::{KINDS, Payload, read};
use scanmill_core::domain::product_id::Source;

/// Text, kind, and what is stored.
#[test]
fn kinds_and_what_is_stored() {
    for (text, kind, stored) in [
        ("https://example.com/p/1", "url", "https://example.com/p/1"),
        ("HTTPS://EXAMPLE.COM/P/1", "url", "HTTPS://EXAMPLE.COM/P/1"),
        (" https://example.com/p/1\n", "url", " https://example.com/p/1\n"),
        ("example.com/p/1", "url", "example.com/p/1"),
        ("www.x.de", "url", "www.x.de"),
        ("URL:https://me:pw@x.de/", "url", "URL:https://REDACTED@x.de/"),
        ("URLTO:x.de/a?token=t", "url", "URLTO:x.de/a?token=REDACTED"),
        (
            "https://id.gs1.org/01/09506000134352/10/ABC",
            "gs1_digital_link",
            "https://id.gs1.org/01/09506000134352/10/ABC",
        ),
        ("http://shop.de/gtin/4006381333931", "gs1_digital_link", "http://shop.de/gtin/4006381333931"),
        ("x.de/01/4006381333931", "gs1_digital_link", "x.de/01/4006381333931"),
        ("https://id.gs1.org/ARHKVAdpQiyG9eI", "gs1_digital_link", "https://id.gs1.org/ARHKVAdpQiyG9eI"),
        ("(01)09506000134352(10)ABC", "gs1_element_string", "(01)09506000134352(10)ABC"),
        ("MEBKM:TITLE:A;URL:http\\://x.de/p/1;;", "bookmark", "MEBKM:TITLE:A;URL:http\\://x.de/p/1;;"),
        ("MEBKM:TITLE:A;URL:http\\://me\\:pw@x.de/a\\;b;;", "bookmark", "MEBKM:URL:http://REDACTED@x.de/a\\;b"),
        ("MEBKM:TITLE:A;;", "bookmark", "MEBKM:TITLE:A;;"),
        ("geo:48.1,11.5?q=x", "geo", "geo:48.1,11.5?q=x"),
        ("WIFI:T:WPA;S:my\\;net;P:p\\;w;H:true;;", "wifi", "WIFI:T:WPA;S:my\\;net;P:REDACTED;H:true;;"),
        ("wifi:P:a;b;c;S:net;;", "wifi", "wifi:P:REDACTED;REDACTED;REDACTED;S:net;;"),
        (
            "WIFI:T:WPA2-EAP;S:net;E:PEAP;PH2:MSCHAPV2;I:me;P:pw;;",
            "wifi",
            "WIFI:T:WPA2-EAP;S:net;E:PEAP;PH2:MSCHAPV2;REDACTED;P:REDACTED;;",
        ),
        (
            "BEGIN:VCARD\nFN:A\nURL:https://me:pw@x.de/\nEND:VCARD",
            "vcard",
            "BEGIN:VCARD\nFN:A\nURL:https://REDACTED@x.de/\nEND:VCARD",
        ),
        ("MECARD:N:A;TEL:1;;", "mecard", "MECARD:N:A;TEL:1;;"),
        ("begin:vevent\nSUMMARY:A\nend:vevent", "event", "begin:vevent\nSUMMARY:A\nend:vevent"),
        ("mailto:a@x.de?subject=Hi", "email", "mailto:a@x.de?subject=Hi"),
        ("MATMSG:TO:a@x.de;SUB:Hi;BODY:Ho;;", "email", "MATMSG:TO:a@x.de;SUB:Hi;BODY:Ho;;"),
        ("TEL:+49 89 1", "phone", "TEL:+49 89 1"),
        ("tel: 123", "phone", "tel: 123"),
        ("SMSTO:+49891:hello", "sms", "SMSTO:+49891:hello"),
        (
            "otpauth://totp/Shop:me@x.de?secret=JBSWY3DP&issuer=Shop&digits=6",
            "otp",
            "otpauth://totp/REDACTED?issuer=Shop&digits=6",
        ),
        ("otpauth-migration://offline?data=Cj", "otp", "otpauth-migration:REDACTED"),
        ("bitcoin:1BoatSLRHtKNngkdXEeobR76b53LETtpyT?amount=1", "payment", "bitcoin:REDACTED"),
        ("upi://pay?pa=me@bank&pn=Me", "payment", "upi:REDACTED"),
        ("BCD\n002\n1\nSCT\n\nMe\nDE89370400440532013000", "payment", "BCD:REDACTED"),
        ("00020101021126580014br.gov.bcb.pix0136x6304ABCD", "payment", "000201:REDACTED"),
        ("market://details?id=de.x", "app", "market://details?id=de.x"),
        ("tg://login?token=abc", "chat", "tg://login?token=REDACTED"),
        ("LPA:1$smdp.x.de$SECRET", "esim", "LPA:REDACTED"),
        ("MT:Y.K9042C00KA0648G00", "device_setup", "MT:REDACTED"),
        ("FIDO:/123", "login", "FIDO:REDACTED"),
        ("ftp://me:pw@x.de/a", "file", "ftp://REDACTED@x.de/a"),
        ("urn:epc:id:sgtin:4012345.011111.987", "urn", "urn:epc:id:sgtin:4012345.011111.987"),
        ("hello world", "text", "hello world"),
        ("", "text", ""),
        ("a\0b", "text", "a\u{FFFD}b"),
        ("4006381333931", "text", "4006381333931"),
        ("0002010000", "text", "0002010000"),
        ("Name: Jo", "text", "Name: Jo"),
        ("line: 5", "text", "line: 5"),
        ("foo:bar", "text", "foo:bar"),
        ("https://", "text", "https://"),
        ("http://me:pw@a b/", "text", "http://REDACTED@a b/"),
    ] {
        let payload = read(text);
        assert_eq!((payload.kind, payload.stored.as_str()), (kind, stored), "{text:?}");
        assert_eq!(read(stored).stored, stored, "redacted twice: {text:?}");
    }
}

#[test]
fn an_address_fills_its_columns() {
    let payload = read(
        "HTTPS://Shop.Example:443/dp/B07XJ8C8F5?utm_source=poster&utm_medium=qr&utm_campaign=launch+1&b=2&a=1&gclid=x&token=t#top",
    );
    assert_eq!(
        payload,
        Payload {
            stored: "HTTPS://Shop.Example:443/dp/B07XJ8C8F5?utm_source=poster&utm_medium=qr&utm_campaign=launch+1&b=2&a=1&gclid=x&token=REDACTED#top".into(),
            kind: "url",
            product_url: Some("https://shop.example/dp/B07XJ8C8F5?a=1&b=2".into()),
            url_host: Some("shop.example".into()),
            url_path: Some("/dp/B07XJ8C8F5".into()),
            product_id: Some("B07XJ8C8F5".into()),
            product_id_source: Source::Path,
            url_count: 1,
            gtin: None,
            utm_source: Some("poster".into()),
            utm_medium: Some("qr".into()),
            utm_campaign: Some("launch 1".into()),
        }
    );
}

#[test]
fn gtins_and_product_ids() {
    for (text, product_id, gtin) in [
        ("https://x.de/01/9506000134352/21/7", Some("09506000134352"), Some("09506000134352")),
        ("https://x.de/01/9506000134353/21/7", Some("9506000134353"), None),
        ("https://x.de/8004/9506000ABC", Some("9506000ABC"), None),
        ("(01)09506000134352", Some("09506000134352"), Some("09506000134352")),
        ("(01)09506000134353", Some("09506000134353"), None),
        ("MEBKM:URL:x.de/p/9;;", Some("9"), None),
        ("x.de", None, None),
        ("hello", None, None),
        ("geo:1,2", None, None),
    ] {
        let payload = read(text);
        assert_eq!((payload.product_id.as_deref(), payload.gtin.as_deref()), (product_id, gtin), "{text}");
    }
}

/// Every text of a payload with its column.
fn texts(payload: &Payload) -> Vec<(&str, usize)> {
    let columns = [
        (Some(&payload.stored), text_cap("payload")),
        (payload.product_url.as_ref(), text_cap("product_url")),
        (payload.url_host.as_ref(), text_cap("url_host")),
        (payload.url_path.as_ref(), text_cap("url_path")),
        (payload.product_id.as_ref(), text_cap("product_id")),
        (payload.gtin.as_ref(), text_cap("gtin")),
        (payload.utm_source.as_ref(), text_cap("utm_source")),
        (payload.utm_medium.as_ref(), text_cap("utm_medium")),
        (payload.utm_campaign.as_ref(), text_cap("utm_campaign")),
    ];
    columns.into_iter().filter_map(|(text, cap)| Some((text?.as_str(), cap))).collect()
}

#[test]
fn long_addresses_are_cut_to_the_columns() {
    let long = "ä".repeat(20_000);
    for text in [format!("https://x.de/{long}?utm_source={long}&q={long}"), long.clone(), format!("(01){long}")] {
        for (text, cap) in texts(&read(&text)) {
            assert!(text.len() <= cap);
        }
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("https://".to_owned()),
        Just("http:".to_owned()),
        Just("x.de".to_owned()),
        Just("/01/".to_owned()),
        Just("4006381333931".to_owned()),
        Just("WIFI:".to_owned()),
        Just("MEBKM:URL:".to_owned()),
        Just("(01)".to_owned()),
        Just("otpauth://totp/".to_owned()),
        Just("BEGIN:VCARD\n".to_owned()),
        Just("%".to_owned()),
        Just("%2F".to_owned()),
        Just("?".to_owned()),
        Just("&utm_source=".to_owned()),
        Just("token=".to_owned()),
        Just("me:pw@".to_owned()),
        Just("\\".to_owned()),
        Just(";".to_owned()),
        Just("\u{1d}".to_owned()),
        Just("\0".to_owned()),
        Just("ß".to_owned()),
        any::<String>(),
        "[ -~]{0,8}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Places a secret may stand in, `§` for it.
const SECRET_PLACES: &[&str] = &[
    "WIFI:T:WPA;S:net;P:§;;",
    "wifi:S:net;P:a;§;T:WPA;;",
    "otpauth://totp/me?secret=§",
    "otpauth://hotp/§?issuer=x",
    "otpauth-migration://offline?data=§",
    "bitcoin:§?amount=1",
    "UPI://pay?pa=§",
    "https://me:§@x.de/p/1",
    "https://§@x.de/p/1",
    "https:me:§@x.de/",
    " http:\\\\me:§@x.de/",
    "URL:https:me:§@x.de/",
    "ftp://me:§@x.de/",
    "https://x.de/p/1?token=§",
    "x.de/p/1?access_token=§&a=1",
    "https://x.de/#access_token=§",
    "https://x.de/?a=1&PASSWORD=§#b",
    "https://x.de/?api%5Fkey=§",
    "https://x.de/;jsessionid=§/a",
    "https://x.de/p/1;sessionid=§",
    "https://x.de/?utm_source=https%3A%2F%2Fy.de%3Fsig%3D§",
    "https://x.de/go/https://me:§@y.de/",
    "https://x.de/?u=https://me:§@y.de/",
    "MEBKM:URL:https\\://me\\:§@x.de/;;",
    "MEBKM:URL:https\\:me\\:§@x.de/;;",
    "See https://x.de/?token=§ now",
    "BEGIN:VCARD\nURL:https://x.de/?sig=§\nEND:VCARD",
];

proptest! {
    #[test]
    fn any_text_gives_a_payload_that_fits(text in prop_oneof![pieces(), any::<String>()]) {
        let payload = read(&text);
        prop_assert!(KINDS.contains(&payload.kind));
        for (text, cap) in texts(&payload) {
            prop_assert!(text.len() <= cap && !text.contains('\0'));
        }
        prop_assert_eq!(payload.product_url.is_some(), payload.url_host.is_some());
        if let Some(url) = &payload.product_url {
            prop_assert_eq!(read(url).product_url, Some(url.clone()));
        }
    }

    #[test]
    fn no_secret_is_in_any_column(secret in "[A-Za-z0-9]{12,24}", place in prop::sample::select(SECRET_PLACES)) {
        let payload = read(&place.replace('§', &secret));
        for (text, _) in texts(&payload) {
            prop_assert!(!text.contains(&secret), "{:?} in {}", payload, place);
        }
    }
}
