//! URL normalisation. No address is ever fetched.
//!
//! What comes here went through [`super::secrets::redact`] already.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use super::escapes;
use super::gs1;
use super::product_id::{Page, Product};
use super::secrets::{REDACTED, is_secret_name};
use super::tracking::is_tracking;

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
    /// What the address names.
    pub product: Product,
    /// `utm_source`.
    pub utm_source: Option<String>,
    /// `utm_medium`.
    pub utm_medium: Option<String>,
    /// `utm_campaign`.
    pub utm_campaign: Option<String>,
}

/// Reads an `http:` or `https:` address. `None` when it is none, or has no host.
pub fn read(text: &str) -> Option<UrlFacts> {
    let (url, host) = parse(text)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = without_secret_parameters(&escapes::tidy(url.path()));
    let query = Query::read(url.query().unwrap_or_default());
    let route = url.fragment().and_then(Route::read).unwrap_or_default();
    let segments = segments_of(&path);
    let key = gs1::digital_link(&segments);
    let is_digital_link = key.is_some() || gs1::is_compressed(&host, &segments);
    let tail = format!("{path}{}{}", query.text, route.text);
    let product = match key {
        Some(key) => Product::of_key(key),
        // What is compressed names a key that is not read here, and nothing else.
        None if is_digital_link => Product::default(),
        None => {
            let page = Page {
                host: &host,
                tail: &tail,
                segments: if route.segments.is_empty() { &segments } else { &route.segments },
                parameters: &[query.parameters, route.parameters].concat(),
            };
            Product::of_page(&page)
        }
    };
    Some(UrlFacts {
        is_digital_link,
        url: format!("{}://{host}{port}{tail}", url.scheme()),
        product,
        host,
        path,
        utm_source: query.utm_source,
        utm_medium: query.utm_medium,
        utm_campaign: query.utm_campaign,
    })
}

/// An `http:` or `https:` address and its host. `None` when it is none, or has no host that there can be.
pub fn parse(text: &str) -> Option<(Url, String)> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    // The parser lets `=` and other signs through that no name in the DNS has; a scheme is not a host.
    let is_sign = |letter: char| !letter.is_ascii_alphanumeric() && !"-._[]:".contains(letter);
    if host.is_empty() || host.contains(is_sign) || matches!(host.as_str(), "http" | "https") {
        return None;
    }
    Some((url, host))
}

/// The segments of a path, unescaped.
fn segments_of(path: &str) -> Vec<String> {
    let segments = path.split('/').map(escapes::without_parameters).filter(|segment| !segment.is_empty());
    segments.map(escapes::unescape_id).collect()
}

/// A path without `;jsessionid=REDACTED`: like a parameter of the query, it names the visitor.
fn without_secret_parameters(path: &str) -> String {
    let keep = |part: &&str| part.split_once('=').is_none_or(|(_, value)| value != REDACTED);
    let segments = path.split('/').map(|segment| segment.split(';').filter(keep).collect::<Vec<_>>().join(";"));
    segments.collect::<Vec<_>>().join("/")
}

/// A fragment that is the page itself in an app of one page: `#/p/42?a=1` or `#!/p/42`. Other fragments name a place on
/// the page.
#[derive(Default)]
struct Route {
    /// With its `#`, or empty.
    text: String,
    segments: Vec<String>,
    parameters: Vec<(String, String)>,
}

impl Route {
    fn read(fragment: &str) -> Option<Route> {
        if !fragment.starts_with(['/', '!']) {
            return None;
        }
        // A second fragment names a place on that page.
        let fragment = fragment.split('#').next().unwrap_or_default();
        let (path, query) = fragment.split_once('?').unwrap_or((fragment, ""));
        let path = without_secret_parameters(&escapes::tidy(path));
        let query = Query::read(query);
        // `#/` and `#!` alone are how such an app calls its first page.
        if path.trim_start_matches(['!', '/']).is_empty() && query.text.is_empty() {
            return None;
        }
        let segments = segments_of(path.trim_start_matches('!'));
        Some(Route { text: format!("#{path}{}", query.text), segments, parameters: query.parameters })
    }
}

/// A query, sorted by name, without tracking and secrets.
#[derive(Default)]
struct Query {
    /// With its `?`, or empty.
    text: String,
    /// What is in the text, unescaped.
    parameters: Vec<(String, String)>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
}

impl Query {
    fn read(raw: &str) -> Query {
        let mut query = Query::default();
        let mut kept: Vec<String> = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let part = escapes::tidy(part);
            let (name, value) = part.split_once('=').unwrap_or((&part, ""));
            // `amp;` is left of a link copied from HTML.
            let plain = decode(name.trim_start_matches("amp;")).to_ascii_lowercase();
            query.utm(&plain, value);
            let is_secret = value == REDACTED && (is_secret_name(name) || plain == "code");
            // Names the click or the visitor, never the product.
            if !is_tracking(&plain) && !is_secret {
                kept.push(part);
            }
        }
        let name_of = |part: &str| part.split('=').next().unwrap_or_default().to_owned();
        // Stable: of parameters with one name, which comes first may mean something.
        kept.sort_by_key(|part| name_of(part));
        query.parameters = kept
            .iter()
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| {
                (decode(name.trim_start_matches("amp;")).into_owned(), escapes::unescape_id(&value.replace('+', " ")))
            })
            .collect();
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
            *field = Some(decode(&raw.replace('+', " ")).into_owned());
        }
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::product_id::ProductIdSource;
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
            ("https://x.de/a?b=2&a=1&&b=1#top", "https://x.de/a?a=1&b=2&b=1"),
            ("https://x.de/a?utm_source=s&gclid=1&FBCLID=2&id=7&utm_term=t", "https://x.de/a?id=7"),
            ("https://REDACTED@x.de/a?token=REDACTED&id=7", "https://x.de/a?id=7"),
            ("https://x.de/a;jsessionid=REDACTED/b;c=1", "https://x.de/a/b;c=1"),
            ("https://x.de/?to=REDACTED", "https://x.de/?to=REDACTED"),
            ("https://x.de/?size=L&b=2&size=A&b=1", "https://x.de/?b=2&b=1&size=L&size=A"),
            ("https://x.de/?gad_campaignid=1&__hsfp=2&mtm_kwd=3&pk_kwd=4&mc_cid=5&srsltid=6&a=7", "https://x.de/?a=7"),
            ("https://x.de/#/p/42?utm_source=q&a=1", "https://x.de/#/p/42?a=1"),
            ("https://x.de/app?b=1#!/p/42", "https://x.de/app?b=1#!/p/42"),
            ("https://x.de/#!", "https://x.de/"),
            ("https://x.de/#/", "https://x.de/"),
            ("https://x.de/%%41b", "https://x.de/%%41b"),
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
        for (raw, id, source) in [
            ("https://x.de/01/4006381333931/10/A", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://x.de/01/4006381333930/10/A", None, ProductIdSource::None),
            ("https://x.de/414/4006381333931/254/B", Some("4006381333931"), ProductIdSource::DigitalLink),
            ("https://x.de/p/42?ean=4006381333931", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://x.de/ean/4006381333931/tea", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://x.de/?ean=4006381333930", None, ProductIdSource::None),
            ("https://x.de/?gtin=4006381333932", None, ProductIdSource::None),
            ("https://x.de/ean/4006381333930", None, ProductIdSource::None),
            ("https://x.de/(01)04006381333931", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://x.de/(01)04006381333931(10)A", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://x.de/01%2F04006381333931", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://x.de/#!/p/1#x", Some("1"), ProductIdSource::Path),
            ("https://x.de/p/4006381333931", Some("04006381333931"), ProductIdSource::Path),
            ("https://amazon.de/Title/dp/B07XJ8C8F5/ref=sr_1_1", Some("B07XJ8C8F5"), ProductIdSource::KnownShop),
            ("HTTPS://AMAZON.DE/GP/PRODUCT/B07XJ8C8F5", Some("B07XJ8C8F5"), ProductIdSource::KnownShop),
            ("https://shop.de/dp/B07XJ8C8F5", Some("B07XJ8C8F5"), ProductIdSource::Path),
            ("https://shop.de/de/p/42/schuh-rot", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/42;jsessionid=REDACTED", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/42.html", Some("42"), ProductIdSource::Path),
            ("https://shop.de/product/blue-shoe/reviews", Some("blue-shoe"), ProductIdSource::Path),
            ("https://shop.de/products/shoes/air-42", Some("air-42"), ProductIdSource::Path),
            ("https://shop.de/products/blue%20shoe?variant=3", Some("blue shoe"), ProductIdSource::KnownShop),
            ("https://shop.de/product/view/42", Some("42"), ProductIdSource::Path),
            ("https://shop.de/product/view?id=42", Some("42"), ProductIdSource::Query),
            ("https://shop.de/#/product-page-app/p/42", Some("42"), ProductIdSource::Path),
            ("https://shop.de/app#!/view?sku=42", Some("42"), ProductIdSource::Query),
            ("https://shop.de/product.php?id=42", Some("42"), ProductIdSource::Query),
            ("https://shop.de/item.htm?lang=de&sku=A-1", Some("A-1"), ProductIdSource::Query),
            ("https://shop.de/?pid=7", Some("7"), ProductIdSource::Query),
            ("https://shop.de/?variant=7&id=blue", Some("blue"), ProductIdSource::Query),
            ("https://shop.de/view?variant=7", Some("7"), ProductIdSource::Query),
            ("https://youtube.com/watch?v=dQw4w9WgXcQ", Some("dQw4w9WgXcQ"), ProductIdSource::Query),
            ("https://visit.museum.example/exhibits/blue-hour", Some("blue-hour"), ProductIdSource::Path),
            ("https://shop.de/green-tea-100g.html", Some("green-tea-100g"), ProductIdSource::Path),
            ("https://shop.de/a/%zz1", Some("%zz1"), ProductIdSource::Path),
            ("https://shop.de/p/42&utm_source=qr", Some("42"), ProductIdSource::Path),
            ("https://shop.de/product/blue-shoe&ref=1&amp;x=2", Some("blue-shoe"), ProductIdSource::KnownShop),
            ("https://shop.de/p/salt&pepper", Some("salt&pepper"), ProductIdSource::Path),
            ("https://shop.de/01/4006381333931&utm_source=qr", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://shop.de/?x=1&amp;sku=A-42", Some("A-42"), ProductIdSource::Query),
            ("https://shop.de/p/42%20", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/42%E2%80%8B", Some("42"), ProductIdSource::Path),
            ("https://shop.de/01/4006381333931%20", Some("04006381333931"), ProductIdSource::Gtin),
            ("https://shop.de/p/42,", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/42:", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/42)", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/42!", Some("42"), ProductIdSource::Path),
            ("https://shop.de/p/tea-(loose)", Some("tea-(loose)"), ProductIdSource::Path),
            ("https://shop.de/a/%25zz1", Some("%25zz1"), ProductIdSource::Path),
        ] {
            let product = read(raw).unwrap().product;
            assert_eq!((product.id.as_deref(), product.source), (id, source), "{raw}");
        }
    }

    #[test]
    fn one_gtin_is_one_product_id_wherever_it_stands() {
        for raw in [
            "https://x.de/01/4006381333931",
            "https://id.gs1.org/01/04006381333931/10/A",
            "https://x.de/?ean=4006381333931",
            "https://x.de/ean/4006381333931",
            "https://x.de/p/4006381333931",
            "https://x.de/p/04006381333931/tea",
            "https://x.de/#/p/4006381333931",
            "https://x.de/tea/4006381333931.html",
            "https://x.de/4006381333931",
            "https://x.de/product/4006381333931",
            "https://x.de/products/4006381333931?variant=1",
            "https://world.openfoodfacts.org/product/4006381333931/tea",
        ] {
            let product = read(raw).unwrap().product;
            assert_eq!(product.id.as_deref(), Some("04006381333931"), "{raw}");
            assert_eq!(product.gtin, product.id, "{raw}");
        }
        // A number of a shop's own.
        let product = read("https://www.ebay.de/itm/4006381333931").unwrap().product;
        assert_eq!((product.id.as_deref(), product.gtin), (Some("4006381333931"), None));
    }

    #[test]
    fn a_gtin_in_a_path_is_told_by_check_digit_and_prefix() {
        for (raw, gtin) in [
            ("https://x.de/p/4006381333931", Some("04006381333931")),
            ("https://x.de/p/614141000036", Some("00614141000036")),
            ("https://x.de/p/4006381333932", None),
            // Given out within one shop, not yet given out, and of eight digits.
            ("https://x.de/p/2000000000008", None),
            ("https://x.de/p/1500000000004", None),
            ("https://x.de/p/96385074", None),
            ("https://x.de/?id=4006381333931", None),
        ] {
            assert_eq!(read(raw).unwrap().product.gtin.as_deref(), gtin, "{raw}");
        }
    }

    #[test]
    fn pages_are_no_products() {
        for raw in [
            "https://shop.de/",
            "https://shop.de",
            "https://shop.de/a/b/",
            "https://shop.de/p",
            "https://shop.de/watch",
            "https://shop.de/de/view",
            "https://shop.de/product.php",
            "https://shop.de/item.htm",
            "https://shop.de/products/index.html",
            "https://shop.de/name",
            "https://shop.de/downloads",
            "https://shop.de/downloads/manual-42.pdf",
            "https://shop.de/en-us",
            "https://shop.de/search?q=tea-42",
            "https://shop.de/cart",
            "https://shop.de/home",
            "https://shop.de/about-us",
            "https://shop.de/invoice/4711",
            "https://shop.de/delivery/4711",
            "https://shop.de/coupon/SUMMER10",
            "https://shop.de/gift/4711",
            "https://shop.de/verify/abcdef123456",
            "https://shop.de/track?id=1Z999AA10123456784",
            "https://shop.de/zone/4711",
            "https://survey.example/s/4711",
            "https://shop.de/zh-Hans-CN",
            "https://teams.microsoft.com/l/meetup-join/19%3a",
            "https://doi.org/10.1000/182",
            "https://arxiv.org/abs/2401.00001",
            "https://shop.de/p/{id}",
            "https://shop.de/p/%7Bid%7D",
            "https://shop.de/p/1^",
            "https://shop.de/p/:id",
            "https://shop.de/p/[id]",
            "https://shop.de/p/[object%20Object]",
            "https://shop.de/p/NaN",
            "https://shop.de/p/%20",
            "https://shop.de/AQnYUc1gmiCNV4JGYgYBAgg",
            "https://shop.de/content/1-delivery.html",
            "https://shop.de/news/12345-headline-of-the-day.html",
            // At a shop whose addresses are known, what is none of them is a page.
            "https://www.amazon.com/hz/wishlist/ls/2ABCDEFGHIJKL",
            "https://www.amazon.com/review/R1ABCDEFGHIJKL",
            "https://www.ebay.com/usr/someone123",
            "https://www.walmart.com/cp/food/976759",
            "https://shop.de/p/1|2",
            "https://shop.de/p/1%0Aevil",
            "https://shop.de/(01)04006381333930",
            "https://shop.de/blog/2024/01/ten-teas",
            "https://shop.de/2024/01/15",
            "https://shop.de/20240115",
            "https://shop.de/v2",
            "https://shop.de/01/2024-news",
            "https://shop.de/product/tea-42.jpg",
            "https://shop.de/reset-password?uid=3",
            "https://shop.de/?v=3&p=2",
            "https://shop.de/logo-2.png",
            "https://shop.de/list.jsp?page=2",
            "https://bit.ly/3abC9Xy",
            "https://a.co/d/abc1234",
            "https://buy.stripe.com/abc123def",
            "https://www.instagram.com/p/C1abcdEFg/",
            "https://shop.de/2024/01/15/new-tea",
            "https://shop.de/2024/1/new-tea",
            "https://shop.de/browse/food-42",
            "https://shop.de/cart/40123456789:1",
            "https://shop.de/orders/A-1042",
            "https://wa.me/4917012345678",
            "https://de.wikipedia.org/wiki/QR-Code",
            "https://id.gs1.org/ARHKVAdpQiyG9eI",
        ] {
            let product = read(raw).unwrap().product;
            assert_eq!((product.id, product.source), (None, ProductIdSource::None), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(
            tail in "(/|[?]|#|#/|#!|&|=|;|%|%%|%2[0-9A-Fa-f]|%4[0-9a-f]|%[CEF][0-9]|[.]|[.][.]|[+]|[a-z]{1,3}|utm_source=|token=|ß|\\\\){0,12}",
        ) {
            if let Some(once) = read(&format!("https://x.de/{tail}")) {
                let twice = read(&once.url).unwrap();
                prop_assert_eq!(&twice.url, &once.url);
                prop_assert_eq!((twice.path, twice.product), (once.path, once.product));
            }
        }
    }
}
