//! Which product a web address names, and how we know.
//!
//! The surest sign counts: a GTIN, another GS1 key, the place where a known shop puts its ids ([`super::shops`]), a path
//! like `/p/42`, a parameter like `sku=42`, and last the end of the path if it looks like an id. What is a page's name is
//! no product: null is better.

use super::escapes::bare_id;
use super::gs1::PrimaryKey;
use super::gtin::{gtin_14, has_gtin_length, has_used_prefix};
use super::page_names::{is_below_no_product, is_no_shop, is_page_name};
use super::secret_shapes::is_random;
use super::shops;

/// Where a product id came from, the surest first. The column `product_id_source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductIdSource {
    /// It is a GTIN whose check digit is right.
    Gtin,
    /// It is another GS1 key, of a Digital Link or an element string.
    DigitalLink,
    /// It stands where a known shop, or a known shop system, puts its ids.
    KnownShop,
    /// It is the value of a parameter whose name says so.
    Query,
    /// It is the segment of a path that looks like an id.
    Path,
    /// There is no id.
    #[default]
    None,
}

impl ProductIdSource {
    /// The text stored in the column.
    pub fn as_str(self) -> &'static str {
        match self {
            ProductIdSource::Gtin => "gtin",
            ProductIdSource::DigitalLink => "digital_link",
            ProductIdSource::KnownShop => "known_shop",
            ProductIdSource::Query => "query",
            ProductIdSource::Path => "path",
            ProductIdSource::None => "none",
        }
    }
}

/// A product as found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// The id.
    pub id: Option<String>,
    /// Where it came from.
    pub source: ProductIdSource,
    /// GTIN-14, when the id is one.
    pub gtin: Option<String>,
}

/// What of a normalised address is looked at.
#[derive(Debug)]
pub struct Page<'a> {
    /// Host, lower case.
    pub host: &'a str,
    /// Path, query and route as they are in the address.
    pub tail: &'a str,
    /// Segments of the path, or of the route in the fragment where there is one; unescaped.
    pub segments: &'a [String],
    /// Parameters of the query and the route, unescaped.
    pub parameters: &'a [(String, String)],
}

impl Product {
    /// The product that a GS1 key names: none where its check digit is wrong, for such a number was given to nothing.
    pub fn of_key(key: PrimaryKey) -> Product {
        match key.gtin {
            Some(gtin) => Product { id: Some(gtin.clone()), source: ProductIdSource::Gtin, gtin: Some(gtin) },
            None if !key.is_right => Product::default(),
            None => Product { id: Some(key.value), source: ProductIdSource::DigitalLink, gtin: None },
        }
    }

    /// The product of a page that is not a Digital Link.
    pub fn of_page(page: &Page<'_>) -> Product {
        if let Some(gtin) = named_gtin(page) {
            return Product { id: Some(gtin.clone()), source: ProductIdSource::Gtin, gtin: Some(gtin) };
        }
        let found = |id: String, source| Product { id: Some(bare_id(&id).to_owned()), source, gtin: None };
        // Of the ids of a parameter and of a single shop too many are numbers of their own that look like a GTIN.
        let is_in_shop = !page.segments.iter().any(|segment| is_below_no_product(segment) || segment == "content");
        let known = shops::id(page.host, page.tail, is_in_shop, |id| !is_page_name(id)).map(|(id, may_be_gtin)| {
            let product = found(id, ProductIdSource::KnownShop);
            if may_be_gtin { product.in_one_form() } else { product }
        });
        known
            .or_else(|| behind_marker(page).map(|id| found(id, ProductIdSource::Path).in_one_form()))
            .or_else(|| by_parameter(page).map(|id| found(id, ProductIdSource::Query)))
            .or_else(|| last_segment(page).map(|id| found(id, ProductIdSource::Path).in_one_form()))
            .filter(|product| !product.id.as_deref().is_some_and(is_nonsense))
            .unwrap_or_default()
    }

    /// An id that is a GTIN by its length, check digit and GS1 prefix is written as a Digital Link's is, so that one product
    /// has one id. Of eight digits too many numbers are in use that are none.
    fn in_one_form(mut self) -> Product {
        let gtin = self.id.as_deref().filter(|id| id.len() > 8).and_then(gtin_14).filter(|gtin| has_used_prefix(gtin));
        if gtin.is_some() {
            (self.id, self.gtin) = (gtin.clone(), gtin);
        }
        self
    }
}

/// Whether a text has what no id has: signs of a template or a slip (`{id}`, `:id`, `[id]`, `1^`), control characters, escaped or not.
fn is_nonsense(id: &str) -> bool {
    let is_control = |byte: u8| byte < 0x20 || byte == 0x7f;
    let holds_escaped_control = || {
        id.match_indices('%').any(|(at, _)| {
            let hex = id.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            hex.is_some_and(is_control)
        })
    };
    id.is_empty()
        || id.contains(|letter: char| letter.is_control() || "{}^|<>\\`\"".contains(letter))
        || id.starts_with([':', '['])
        || id.ends_with(';')
        || id.starts_with("(0")
        || holds_escaped_control()
}

/// Names of parameters and segments before a GTIN.
const GTIN_NAMES: &[&str] = &[
    "barcode", "ean", "ean13", "ean8", "eancode", "gtin", "gtin13", "gtin14", "gtin8", "isbn", "isbn13", "jan", "upc",
];

/// Names of parameters that hold a product's id, the surest first.
#[rustfmt::skip]
const ID_NAMES: &[&str] = &[
    "sku", "skuid", "productid", "productnumber", "productno", "productcode", "prodid", "pid", "itemid", "itemno",
    "itemnumber", "itemcode", "articleid", "articleno", "articlenumber", "artikelnummer", "artikelnr", "artikelid",
    "artnr", "artno", "artid", "goodsid", "goodsno", "goodscode", "prodno", "prdno", "wareid", "offerid", "modelid",
    "modelno", "modelnumber", "partnumber", "partno", "mpn", "asin", "isbn", "ean", "gtin", "upc", "barcode",
    "product", "produkt", "prod", "item", "article", "artikel", "model", "id", "variant", "variantid", "variationid",
    "v", "p",
];

/// Segments behind which a product's id stands.
#[rustfmt::skip]
const MARKERS: &[&str] = &[
    "artikel", "articulo", "dp", "goods", "ip", "item", "items", "itm", "p", "pd", "pdp", "prodotti", "prodotto",
    "product", "product-detail", "product-details", "product-page", "productdetail", "productdetails", "producto",
    "productos", "products", "produit", "produits", "produkt", "produkte", "produto", "produtos", "sku", "tuote",
    "urun", "ware",
];

/// A name without punctuation, lower case.
fn compact(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn named_gtin(page: &Page<'_>) -> Option<String> {
    let named = page.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs = page.segments.iter().zip(page.segments.iter().skip(1));
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
    named
        .chain(pairs)
        .filter(|(name, _)| GTIN_NAMES.contains(&compact(name).as_str()))
        .map(|(_, value)| bare_id(value))
        .chain(page.segments.iter().filter_map(|segment| element(segment)))
        .find_map(gtin_14)
}

/// The number in a segment that is an element string, or a Digital Link whose `/` is escaped: `(01)04006381333931(10)A`.
fn element(segment: &str) -> Option<&str> {
    let number = segment.strip_prefix("(01)").or_else(|| segment.strip_prefix("01/"))?;
    number.split(|letter: char| !letter.is_ascii_digit()).next()
}

fn behind_marker(page: &Page<'_>) -> Option<String> {
    let segments = page.segments;
    let marker = segments.iter().position(|segment| MARKERS.contains(&segment.to_ascii_lowercase().as_str()))?;
    // There it is a post, a place or a profile.
    if segments.get(marker).is_some_and(|marker| marker.eq_ignore_ascii_case("p")) && is_no_shop(page.host) {
        return None;
    }
    let behind: Vec<&str> = segments.iter().skip(marker + 1).filter_map(|segment| stem(segment)).collect();
    let mut ids = behind.iter().filter(|id| !is_page_name(id));
    // `/products/shoes/air-42`: what looks like an id, rather than the shelf it is on.
    let likely = ids.clone().find(|id| is_likely(id));
    likely.or_else(|| ids.next()).map(|id| (*id).to_owned())
}

fn by_parameter(page: &Page<'_>) -> Option<String> {
    // There a mere `id` is that of a person, a post or a visit.
    let is_no_product = is_no_shop(page.host)
        || page.segments.iter().any(|segment| is_below_no_product(stem(segment).unwrap_or(segment)));
    ID_NAMES.iter().filter(|name| !(is_no_product && **name == "id")).find_map(|wanted| {
        let named = page.parameters.iter().filter(|(name, _)| compact(name) == *wanted);
        let value = named.map(|(_, value)| value).find(|value| {
            let fits = match *wanted {
                // A version, or a page of a list.
                "v" => value.len() >= 6 && !value.contains('.'),
                "p" => value.len() >= 3 && value.bytes().all(|byte| byte.is_ascii_digit()),
                name if is_wrong_gtin(name, value) => false,
                "product" | "produkt" | "prod" | "item" | "article" | "artikel" | "model" => is_likely(value),
                _ => true,
            };
            fits && !is_page_name(value) && !value.contains("://")
        })?;
        Some(value.clone())
    })
}

/// Whether a value stands where a Digital Link has its GTIN and has not its check digit: a slip of the pen names no
/// product.
fn is_wrong_gtin(name: &str, value: &str) -> bool {
    (matches!(name, "01" | "(01)") || GTIN_NAMES.contains(&compact(name).as_str()))
        && has_gtin_length(value)
        && gtin_14(value).is_none()
}

/// The end of the path, if it looks like an id. At a shop whose addresses are known, what is none of them is a page.
fn last_segment(page: &Page<'_>) -> Option<String> {
    if is_no_shop(page.host)
        || shops::knows(page.host)
        || page.segments.iter().any(|segment| is_below_no_product(segment))
        || page.segments.windows(2).any(is_year_and_month)
    {
        return None;
    }
    let (last, before) = page.segments.split_last()?;
    let id = stem(last)?;
    let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
    let behind = before.last().map(String::as_str).unwrap_or_default();
    // `/404.html`, `/store/912345678`, `/01/` and a number that is not a GTIN.
    if is_error_page(last) || is_number && behind.eq_ignore_ascii_case("store") || is_wrong_gtin(behind, id) {
        return None;
    }
    // `2024-news`
    let without_year = id.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let is_dated = id.get(..id.len() - without_year.len()).is_some_and(is_date) && is_page_name(without_year);
    let is_short_number = id.len() < 3 && is_number;
    (is_likely(id)
        && !is_short_number
        // The token of a link, or what is compressed.
        && !is_random(id)
        && !is_category(id)
        && !is_dated
        && !is_page_name(id)
        && !is_date(id)
        && !is_version(id))
    .then(|| id.to_owned())
}

/// `/404.html`, which servers show in place of what is gone.
fn is_error_page(segment: &str) -> bool {
    matches!(segment.get(..4), Some("404." | "403." | "410." | "500.")) && segment.len() > 4
}

/// `3-hemden`: a short number and words are a shelf of PrestaShop, whose products have an `.html` at the end and were found
/// before.
fn is_category(id: &str) -> bool {
    let Some((number, words)) = id.split_once('-') else { return false };
    (1..=3).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && words.len() >= 4
}

/// A segment without matrix parameters and without the ending of a page. `None` for a program's or a file's name.
fn stem(segment: &str) -> Option<&str> {
    let name = segment.split(';').next().unwrap_or_default();
    let Some((stem, ending)) = name.rsplit_once('.') else { return Some(name).filter(|name| !name.is_empty()) };
    let is_ending = (1..=5).contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && ending.starts_with(|first: char| first.is_ascii_alphabetic());
    match ending.to_ascii_lowercase().as_str() {
        "htm" | "html" | "shtml" | "xhtml" => Some(stem).filter(|stem| !stem.is_empty()),
        _ if is_ending => None,
        _ => Some(name),
    }
}

/// Whether it has a digit, or several words: what a single word names is more often a page.
fn is_likely(id: &str) -> bool {
    id.contains(|letter: char| letter.is_numeric())
        || id.split(['-', '_', ' ', '.', '+']).filter(|word| !word.is_empty()).count() > 1
}

/// `2024`, `2024-01`, `20240115`, `2024-01-15`.
fn is_date(id: &str) -> bool {
    let digits: String = id.chars().filter(|letter| !matches!(letter, '-' | '_' | '.')).collect();
    let number = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok());
    let is_right = |part: Option<u32>, most: u32| part.is_none_or(|part| (1..=most).contains(&part));
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(digits.len(), 4 | 6 | 8)
        && number(0..4).is_some_and(|year| (1900..2100).contains(&year))
        && is_right(number(4..6), 12)
        && is_right(number(6..8), 31)
}

/// `/2024/01/15/new-tea` is news.
fn is_year_and_month(pair: &[String]) -> bool {
    let [year, month] = pair else { return false };
    year.len() == 4 && matches!(month.len(), 1 | 2) && is_date(&format!("{year}-{month:0>2}"))
}

/// `v1`, `v2.0.1`.
fn is_version(id: &str) -> bool {
    id.strip_prefix(['v', 'V']).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}
