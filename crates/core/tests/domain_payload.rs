//! Payloads: what each kind of code text becomes, and that no secret and no panic gets through.

use proptest::prelude::*;
use scanmill_core::domain::columns::text_cap;
use scanmill_core::domain::payload::{KINDS, Payload, read};
use scanmill_core::domain::product_id::ProductIdSource;
use scanmill_core::domain::secrets::redact;

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
        ("vmess://eyJhZGQiOiIxIn0", "device_setup", "vmess:REDACTED"),
        ("WLAN Cafe, Passwort: kaffee123", "text", "WLAN Cafe, Passwort: REDACTED"),
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
        ("https://shop.de/p/1\nThank you", "url", "https://shop.de/p/1\nThank you"),
        ("Pay at https://shop.de/p/1?token=t please", "url", "Pay at https://shop.de/p/1?token=REDACTED please"),
        ("<https://x.de/01/09506000134352>", "gs1_digital_link", "<https://x.de/01/09506000134352>"),
        ("https://x.de/?data=api_key=S3CRET", "url", "https://x.de/?data=REDACTED"),
        ("login password=hunter2", "text", "login password=REDACTED"),
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
            product_id_source: ProductIdSource::Path,
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
        ("https://x.de/01/9506000134353/21/7", None, None),
        ("https://x.de/8004/9506000ABC", Some("9506000ABC"), None),
        ("(01)09506000134352", Some("09506000134352"), Some("09506000134352")),
        ("(01)09506000134353", None, None),
        ("MEBKM:URL:x.de/p/9;;", Some("9"), None),
        ("x.de", None, None),
        ("hello", None, None),
        ("geo:1,2", None, None),
    ] {
        let payload = read(text);
        assert_eq!((payload.product_id.as_deref(), payload.gtin.as_deref()), (product_id, gtin), "{text}");
    }
}

#[test]
fn the_first_address_of_a_text_fills_the_columns_and_all_are_counted() {
    for (text, url, count) in [
        ("https://shop.de/p/1\nThank you", Some("https://shop.de/p/1"), 1),
        ("\u{FEFF}https://shop.de/p/1", Some("https://shop.de/p/1"), 1),
        ("(https://shop.de/p/1) or <https://shop.de/p/2>.", Some("https://shop.de/p/1"), 2),
        ("URL:https://shop.de/p/1\nmore", Some("https://shop.de/p/1"), 1),
        ("www.shop.de/p/1", Some("https://www.shop.de/p/1"), 1),
        ("shop.de is a host", None, 0),
        ("hello", None, 0),
        ("BEGIN:VCARD\nURL:https://a.de\nURL:https://b.de\nEND:VCARD", None, 2),
        ("WIFI:T:WPA;S:net;P:https://a.de;;", None, 0),
        ("MEBKM:URL:shop.de/p/1;;", Some("https://shop.de/p/1"), 1),
    ] {
        let payload = read(text);
        assert_eq!((payload.product_url.as_deref(), payload.url_count), (url, count), "{text:?}");
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

/// Places a secret may be in, `§` for it.
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
    "https://me:a §@x.de/p/1",
    "https://x.de/p/1 and&token=§",
    "https://x.de/?data=api_key=§",
    "https://x.de/?data=api_key:§",
    "https://x.de/?q={\"password\":\"§\"}",
    "https://x.de/?q=%7B%22password%22%3A%22§%22%7D",
    "https://x.de/#/login?a=1&passwort=§",
    "https://x.de/#!/p/1?pw=§",
    "https://x.de/cb?state=1&code=§",
    "https://x.de/oauth/cb?code=§",
    "https://x.de/a?sig=1&se=§",
    "https://x.de/a?Policy=§",
    "https://x.de/a?Signature=1&Key-Pair-Id=§",
    "https://x.de/(S(§))/p/1",
    "https://x.de/?utm_campaign=token%3D§",
    "https://x.de/p/token=§",
    "https://x.de/token%3D§/1",
    "https://x.de/?id=token%3D§",
    "https://x.de/p;sku=1;PHPSESSID=§/9",
];

/// Parts that addresses with secrets are made of in the fuzz.
fn secret_address() -> impl Strategy<Value = (String, String)> {
    let secret = "[a-z][A-Za-z0-9]{10,20}[0-9]";
    let name = prop::sample::select(vec![
        "token",
        "access_token",
        "api_key",
        "X-Api-Key",
        "PHPSESSID",
        "jsessionid",
        "ASP.NET_SessionId",
        "passwort",
        "pw",
        "pwd",
        "password",
        "client_secret",
        "my_key",
        "X-Amz-Signature",
        "X-Goog-Signature",
        "Signature",
        "sig",
        "Policy",
        "auth",
        "csrf_token",
        "_session",
        "user[password]",
        "authToken",
        "connect.sid",
        "%74oken",
        "mysql_pwd",
    ]);
    let open =
        prop::sample::select(vec!["id=1", "color=red", "utm_source=x", "b", "a=1;c=2", "q=%C3%9F", "x=%zz", "v=3"]);
    let wrap = prop::sample::select(vec![
        "{}",
        "data={}",
        "redirect=https%3A%2F%2Fy.de%2F%3F{e}",
        "u=https://y.de/?{}",
        "u=https://y.de/%3Fa%3D1%26{e}",
        "q=%7B%22a%22%3A1%7D&{}",
        "r=https%253A%252F%252Fy.de%253F{ee}",
        "utm_campaign={e}",
        "id={e}",
        "sku=x,{}",
        "n={};m=1",
    ]);
    let shape = prop::sample::select(vec![
        "https://x.de/p/1?{}",
        "https://x.de/p/1?a=1&{}&z=2",
        "https://x.de/p/1#{}",
        "https://x.de/#/p/1?{}",
        "https://x.de/#!p?{}",
        "https://x.de/p/1;{}/q",
        "https://x.de/p/1;a=b;{}",
        "See https://x.de/?{} now",
        "<https://x.de/?{}>",
        "x.de/p/1?{}",
        "URL:https://x.de/?{}",
        "https://x.de/?a=b c&{}",
        "mailto:me@x.de?body={}",
        "\u{FEFF}https://x.de/?{}\nbye",
        "(https://x.de/?{})",
        "https:x.de/?{}",
        "HTTPS://X.DE/?{}",
        "https://x.de/?&amp;{}",
        "https://a.de/1,https://x.de/?{}",
    ]);
    (secret, name, open, wrap, shape).prop_map(|(secret, name, open, wrap, shape)| {
        let pair = format!("{name}={secret}");
        let escaped = format!("{name}%3D{secret}");
        let twice = format!("{}%253D{secret}", name.replace('%', "%25"));
        let part = wrap.replace("{ee}", &twice).replace("{e}", &escaped).replace("{}", &pair);
        (secret, shape.replace("{}", &format!("{open}&{part}")))
    })
}

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

    #[test]
    fn no_secret_of_any_address_is_in_any_column((secret, text) in secret_address()) {
        let payload = read(&text);
        for (column, _) in texts(&payload) {
            prop_assert!(!column.contains(&secret), "{:?} in {}", payload, text);
        }
    }

    #[test]
    fn what_one_column_hides_no_other_shows(text in pieces()) {
        let payload = read(&text);
        for (column, _) in texts(&payload) {
            prop_assert_eq!(redact(column), column, "{:?}", payload);
        }
    }
}

/// What a text hides around or beside an address, its columns do not show: each is made of what is stored.
#[test]
fn columns_are_made_of_what_is_stored() {
    for (text, stored, url) in [
        ("Password: https://x.de/abc123?a=1", "Password: REDACTED", None),
        (
            "https://x.de/?ticket=abc|a.secret=s3cret b",
            "https://x.de/?ticket=REDACTED b",
            Some("https://x.de/?ticket=REDACTED"),
        ),
        ("MEBKM:TITLE:x;URL:https:\\\\\\\\x.de?data%3Dme@b.de;;", "REDACTED@b.de;;", None),
        ("https://x.de/a?token=s3cret\nThank you", "https://x.de/a?token=REDACTED\nThank you", Some("https://x.de/a")),
        ("https://x.de/p/1\nPassword: s3cret", "https://x.de/p/1\nPassword: REDACTED", Some("https://x.de/p/1")),
    ] {
        let payload = read(text);
        assert_eq!((payload.stored.as_str(), payload.product_url.as_deref()), (stored, url), "{text}");
        assert_eq!(read(&payload.stored).product_url, payload.product_url, "{text}");
    }
}
