//! URL normalisation and product ids. No address is ever fetched.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use super::gs1;
use super::product_id::Source;
use super::secrets::{REDACTED, holds_secret, is_secret_name, redact_path};

/// What a web address says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UrlFacts {
    /// Whether it is a GS1 Digital Link.
    pub is_digital_link: bool,
    /// The normalised address.
    pub url: String,
    /// Host, lower case, punycode.
    pub host: String,
    /// Path of the normalised address.
    pub path: String,
    /// What the code names: GTIN, other GS1 key, a shop's id.
    pub product_id: Option<String>,
    /// Where the id came from.
    pub product_id_source: Source,
    /// GTIN-14 whose check digit is right.
    pub gtin: Option<String>,
    /// `utm_source`.
    pub utm_source: Option<String>,
    /// `utm_medium`.
    pub utm_medium: Option<String>,
    /// `utm_campaign`.
    pub utm_campaign: Option<String>,
}

/// Parameters that name the click, not the page. `utm_*` is dropped as well.
const CLICK_IDS: &[&str] = &[
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "_openstat",
    "cjevent",
    "dclid",
    "epik",
    "fbclid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "igsh",
    "igshid",
    "irclickid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "msclkid",
    "rdt_cid",
    "s_kwcid",
    "sccid",
    "srsltid",
    "ttclid",
    "twclid",
    "vero_id",
    "wbraid",
    "yclid",
];

/// Endings of hosts that stand alone, without `www.` and without a path. Two-letter endings are countries and always
/// taken; with this list `example.com` is an address and `invoice.pdf` is none.
const COMMON_ENDINGS: &[&str] = &[
    "app", "biz", "cloud", "com", "dev", "edu", "gov", "info", "link", "net", "online", "org", "shop", "site", "store",
];

/// Reads an `http:` or `https:` address. `None` when it is none, or has no host.
pub fn read(text: &str) -> Option<UrlFacts> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    if host.is_empty() {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = redact_path(&tidy_escapes(url.path()));
    let query = Query::read(url.query().unwrap_or_default());

    let segments: Vec<String> =
        path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment).into_owned()).collect();
    let key = gs1::digital_link(&segments);
    let is_digital_link = key.is_some() || gs1::is_compressed(&host, &segments);
    let (gtin, key) = key.map_or((None, None), |key| (key.gtin, Some(key.value)));
    let (product_id, product_id_source) = match (&gtin, key) {
        (Some(gtin), _) => (Some(gtin.clone()), Source::Gtin),
        (None, Some(key)) => (Some(key), Source::DigitalLink),
        (None, None) => match shop_id(&segments) {
            Some(id) => (Some(id), Source::Path),
            None => (None, Source::None),
        },
    };
    Some(UrlFacts {
        is_digital_link,
        url: format!("{}://{host}{port}{path}{}", url.scheme(), query.text),
        product_id,
        product_id_source,
        gtin,
        host,
        path,
        utm_source: query.utm_source,
        utm_medium: query.utm_medium,
        utm_campaign: query.utm_campaign,
    })
}

/// The `https:` address that a text without scheme means: `example.com/p/1`, `www.x.de`, `x.de:8443/a`.
pub fn complete(text: &str) -> Option<String> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return None;
    }
    let host = match authority.split_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return None,
        None => authority,
    };
    let (front, ending) = host.rsplit_once('.')?;
    let is_name = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let ending = ending.to_lowercase();
    let is_ending =
        ending.starts_with("xn--") || (ending.chars().count() >= 2 && ending.chars().all(char::is_alphabetic));
    if !is_ending || !front.split('.').all(is_name) {
        return None;
    }
    let has_www = front.get(..3).is_some_and(|www| www.eq_ignore_ascii_case("www"));
    let has_more = text.len() > host.len();
    let is_common = ending.chars().count() == 2 || COMMON_ENDINGS.contains(&ending.as_str());
    (has_www || has_more || is_common).then(|| format!("https://{text}"))
}

/// Product ids by the shapes of shops, first match wins; else the last segment.
fn shop_id(segments: &[String]) -> Option<String> {
    let is_asin = |id: &str| id.len() == 10 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let under = |names: &[&str], fits: &dyn Fn(&str) -> bool| {
        segments.windows(names.len() + 1).find_map(|window| {
            let (id, path) = window.split_last()?;
            let same = path.iter().zip(names).all(|(segment, name)| segment.eq_ignore_ascii_case(name));
            (same && fits(id)).then(|| id.clone())
        })
    };
    let found = under(&["dp"], &is_asin)
        .or_else(|| under(&["gp", "product"], &is_asin))
        .or_else(|| ["p", "product", "products"].iter().find_map(|name| under(&[name], &|_| true)))
        .or_else(|| segments.last().cloned())?;
    // Matrix parameters are no part of an id.
    found.split(';').next().filter(|id| !id.is_empty()).map(str::to_owned)
}

/// A query, sorted, without tracking and secrets.
#[derive(Default)]
struct Query {
    /// With its `?`, or empty.
    text: String,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
}

impl Query {
    fn read(raw: &str) -> Query {
        let mut query = Query::default();
        let mut kept: Vec<String> = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let part = tidy_escapes(part);
            let (name, value) = part.split_once('=').unwrap_or((&part, ""));
            let plain = decode(name).to_ascii_lowercase();
            if plain.starts_with("utm_") {
                query.utm(&plain, value);
            } else if CLICK_IDS.contains(&plain.as_str()) || is_secret_name(name) {
                // Names the click or the visitor, never the product.
            } else if holds_secret(&part) {
                kept.push(if holds_secret(name) { REDACTED.to_owned() } else { format!("{name}={REDACTED}") });
            } else {
                kept.push(part);
            }
        }
        kept.sort_unstable();
        if !kept.is_empty() {
            query.text = format!("?{}", kept.join("&"));
        }
        query
    }

    /// Takes one `utm_` parameter; the first with a value counts.
    fn utm(&mut self, name: &str, raw: &str) {
        let field = match name {
            "utm_source" => &mut self.utm_source,
            "utm_medium" => &mut self.utm_medium,
            "utm_campaign" => &mut self.utm_campaign,
            _ => return,
        };
        if field.is_none() && !raw.is_empty() {
            let value =
                if holds_secret(raw) { REDACTED.to_owned() } else { decode(&raw.replace('+', " ")).into_owned() };
            *field = Some(value);
        }
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Escapes as RFC 3986 §6.2.2 wants them: hex digits in capitals, and none for a character that needs none.
fn tidy_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let byte = escape.get(1..3).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(byte) = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) else {
            out.push('%');
            rest = escape.get(1..).unwrap_or_default();
            continue;
        };
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        rest = escape.get(3..).unwrap_or_default();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalised() {
        for (raw, expected) in [
            ("HTTP://EXAMPLE.COM", "http://example.com/"),
            ("https://Example.com:443/A/../b/./c", "https://example.com/b/c"),
            ("http://example.com:8080/", "http://example.com:8080/"),
            ("https://example.com./a", "https://example.com/a"),
            ("https://bücher.de/straße", "https://xn--bcher-kva.de/stra%C3%9Fe"),
            ("https://x.de/%c3%9f%7e%41?q=%c3%9f", "https://x.de/%C3%9F~A?q=%C3%9F"),
            ("https://x.de/a?b=2&a=1&&b=1#top", "https://x.de/a?a=1&b=1&b=2"),
            ("https://x.de/a?utm_source=s&gclid=1&FBCLID=2&id=7&utm_term=t", "https://x.de/a?id=7"),
            ("https://me:pw@x.de/a?token=t&id=7", "https://x.de/a?id=7"),
            ("https://x.de/?to=https%3A%2F%2Fy.de%3Ftoken%3Dt", "https://x.de/?to=REDACTED"),
            ("https://x.de/50%", "https://x.de/50%"),
            ("https://[2001:DB8::1]:443/a", "https://[2001:db8::1]/a"),
            ("https://x.de/a?", "https://x.de/a"),
        ] {
            let facts = read(raw).unwrap_or_else(|| panic!("{raw}"));
            assert_eq!(facts.url, expected, "{raw}");
            assert_eq!(read(expected).map(|facts| facts.url).as_deref(), Some(expected), "twice");
        }
        for raw in ["", "https://", "ftp://x.de/", "http://a b/", "https://x.de:99999/", "https://../", "mailto:a@b.de"]
        {
            assert_eq!(read(raw), None, "{raw}");
        }
    }

    #[test]
    fn utm_goes_to_columns() {
        let facts =
            read("https://x.de/?utm_campaign=black+friday%21&UTM_Source=&utm_source=qr&utm_source=b&utm_medium=print")
                .unwrap();
        assert_eq!(facts.utm_source.as_deref(), Some("qr"));
        assert_eq!(facts.utm_medium.as_deref(), Some("print"));
        assert_eq!(facts.utm_campaign.as_deref(), Some("black friday!"));
        assert_eq!(facts.url, "https://x.de/");
    }

    #[test]
    fn product_ids_by_ordered_rules() {
        for (raw, id) in [
            ("https://x.de/01/4006381333931/10/A", Some("04006381333931")),
            ("https://x.de/01/4006381333930/10/A", Some("4006381333930")),
            ("https://amazon.de/Title/dp/B07XJ8C8F5/ref=sr_1_1", Some("B07XJ8C8F5")),
            ("HTTPS://AMAZON.DE/GP/PRODUCT/B07XJ8C8F5", Some("B07XJ8C8F5")),
            ("https://shop.de/dp/short/p/9", Some("9")),
            ("https://shop.de/de/p/42/schuh-rot", Some("42")),
            ("https://shop.de/product/blue-shoe/reviews", Some("blue-shoe")),
            ("https://shop.de/products/blue%20shoe?variant=3", Some("blue shoe")),
            ("https://shop.de/p/42;jsessionid=abc", Some("42")),
            ("https://shop.de/a/b/", Some("b")),
            ("https://shop.de/p", Some("p")),
            ("https://shop.de/", None),
            ("https://shop.de", None),
        ] {
            assert_eq!(read(raw).unwrap().product_id.as_deref(), id, "{raw}");
        }
    }

    #[test]
    fn texts_without_scheme_are_addresses_only_when_they_look_like_one() {
        for text in [
            "example.com/p/1",
            "www.x.de",
            "WWW.X.MUSEUM",
            "example.com",
            "EXAMPLE.DE",
            "x.museum/a",
            "x.de:8443/a",
            "bücher.de",
            "a.b.co.uk?x=1",
            "xn--bcher-kva.xn--p1ai/a",
        ] {
            assert_eq!(complete(text), Some(format!("https://{text}")));
        }
        for text in [
            "",
            "hello",
            "a b.de",
            "invoice.pdf",
            "1.5/2.5",
            "192.168.0.1/a",
            "me@x.de",
            "me@x.de/a",
            "e.g./i.e.",
            ".de",
            "a..de/x",
            "x.de:/a",
            "x.de:port",
            "/a.de",
            "3.14",
            "Hello.World!",
        ] {
            assert_eq!(complete(text), None, "{text}");
        }
    }
}
