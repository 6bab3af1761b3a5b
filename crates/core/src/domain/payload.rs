//! What the text of a code means.

use super::columns::text_cap;
use super::product_id::{Product, ProductIdSource};
use super::remembered::remembered;
use super::secrets::{REDACTED, holds_secret, redact};
use super::text::{fit, fit_some};
use super::wifi;
use super::{Code, address, gs1, gs1_elements, url_rules};

/// The text of a code, understood. Every text is within its column's cap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// The text as it may be stored: secrets replaced by `REDACTED`, NUL by U+FFFD, the rest as it was.
    pub stored: String,
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// Normalised URL without tracking parameters and secrets.
    pub product_url: Option<String>,
    /// Host, lower case, punycode.
    pub url_host: Option<String>,
    /// Path of the normalised URL.
    pub url_path: Option<String>,
    /// What the code names: GTIN, other GS1 key, a shop's id.
    pub product_id: Option<String>,
    /// Where the id came from.
    pub product_id_source: ProductIdSource,
    /// Web addresses in the text.
    pub url_count: u32,
    /// GTIN-14 whose check digit is right.
    pub gtin: Option<String>,
    /// `utm_source`.
    pub utm_source: Option<String>,
    /// `utm_medium`.
    pub utm_medium: Option<String>,
    /// `utm_campaign`.
    pub utm_campaign: Option<String>,
}

/// Every kind there is.
pub const KINDS: &[&str] = &[
    "url",
    "gs1_digital_link",
    "gs1_element_string",
    "bookmark",
    "geo",
    "wifi",
    "vcard",
    "mecard",
    "event",
    "email",
    "phone",
    "sms",
    "otp",
    "payment",
    "app",
    "chat",
    "login",
    "device_setup",
    "esim",
    "health",
    "file",
    "urn",
    "fragment",
    "text",
];

/// How much of a payload may be stored.
#[derive(Clone, Copy)]
enum Keep {
    /// All but the secrets an address may have.
    Address,
    /// The scheme: the rest is the secret, or names somebody's account.
    Scheme,
}

/// Schemes, lower case, with their kind. Those with a rule of their own (`http`, `wifi`…) are not here.
const SCHEMES: &[(&str, &str, Keep)] = &[
    ("mailto", "email", Keep::Address),
    ("matmsg", "email", Keep::Address),
    ("smtp", "email", Keep::Address),
    ("tel", "phone", Keep::Address),
    ("facetime", "phone", Keep::Address),
    ("sip", "phone", Keep::Address),
    ("sips", "phone", Keep::Address),
    ("sms", "sms", Keep::Address),
    ("smsto", "sms", Keep::Address),
    ("mms", "sms", Keep::Address),
    ("mmsto", "sms", Keep::Address),
    ("geo", "geo", Keep::Address),
    ("mecard", "mecard", Keep::Address),
    ("bizcard", "mecard", Keep::Address),
    ("webcal", "event", Keep::Address),
    ("market", "app", Keep::Address),
    ("itms", "app", Keep::Address),
    ("itms-apps", "app", Keep::Address),
    ("itms-appss", "app", Keep::Address),
    ("intent", "app", Keep::Address),
    ("android-app", "app", Keep::Address),
    ("whatsapp", "chat", Keep::Address),
    ("tg", "chat", Keep::Address),
    ("viber", "chat", Keep::Address),
    ("line", "chat", Keep::Address),
    ("weixin", "chat", Keep::Address),
    ("skype", "chat", Keep::Address),
    ("xmpp", "chat", Keep::Address),
    ("sgnl", "chat", Keep::Scheme),
    ("ftp", "file", Keep::Address),
    ("ftps", "file", Keep::Address),
    ("sftp", "file", Keep::Address),
    ("smb", "file", Keep::Address),
    ("file", "file", Keep::Address),
    ("urn", "urn", Keep::Address),
    ("otpauth-migration", "otp", Keep::Scheme),
    ("fido", "login", Keep::Scheme),
    ("keyauth", "login", Keep::Scheme),
    ("mt", "device_setup", Keep::Scheme),
    ("x-hm", "device_setup", Keep::Scheme),
    ("dpp", "device_setup", Keep::Scheme),
    // Profiles of tunnels: whoever holds one is in.
    ("hy2", "device_setup", Keep::Scheme),
    ("hysteria2", "device_setup", Keep::Scheme),
    ("ss", "device_setup", Keep::Scheme),
    ("ssr", "device_setup", Keep::Scheme),
    ("trojan", "device_setup", Keep::Scheme),
    ("tuic", "device_setup", Keep::Scheme),
    ("vless", "device_setup", Keep::Scheme),
    ("vmess", "device_setup", Keep::Scheme),
    ("lpa", "esim", Keep::Scheme),
    ("hc1", "health", Keep::Scheme),
    ("shc", "health", Keep::Scheme),
    ("bitcoin", "payment", Keep::Scheme),
    ("bitcoincash", "payment", Keep::Scheme),
    ("litecoin", "payment", Keep::Scheme),
    ("dogecoin", "payment", Keep::Scheme),
    ("dash", "payment", Keep::Scheme),
    ("zcash", "payment", Keep::Scheme),
    ("monero", "payment", Keep::Scheme),
    ("ethereum", "payment", Keep::Scheme),
    ("solana", "payment", Keep::Scheme),
    ("cardano", "payment", Keep::Scheme),
    ("web+cardano", "payment", Keep::Scheme),
    ("stellar", "payment", Keep::Scheme),
    ("web+stellar", "payment", Keep::Scheme),
    ("ripple", "payment", Keep::Scheme),
    ("tron", "payment", Keep::Scheme),
    ("lightning", "payment", Keep::Scheme),
    ("lnurl", "payment", Keep::Scheme),
    ("lnurlp", "payment", Keep::Scheme),
    ("lnurlw", "payment", Keep::Scheme),
    ("cashu", "payment", Keep::Scheme),
    ("upi", "payment", Keep::Scheme),
    ("payto", "payment", Keep::Scheme),
    ("swish", "payment", Keep::Scheme),
    ("wxp", "payment", Keep::Scheme),
    ("alipay", "payment", Keep::Scheme),
    ("alipays", "payment", Keep::Scheme),
    ("paytmmp", "payment", Keep::Scheme),
    ("phonepe", "payment", Keep::Scheme),
    ("gpay", "payment", Keep::Scheme),
];

/// Beginnings of payment codes that have no scheme: SEPA (EPC069-12), Swiss QR bill, EMV merchant QR, Lightning.
const PAYMENT_MARKS: &[&str] = &["BCD\n", "BCD\r", "SPC\n", "SPC\r", "000201", "LNBC", "LNURL1"];

/// Reads a code: its text, as its symbology identifier and its place in a sequence say. `others`: all codes of its photo.
pub fn of(code: &Code, others: &[Code]) -> Payload {
    let is_gs1 = matches!(code.symbology, "]Q3" | "]Q4");
    match code.sequence.filter(|sequence| sequence.index.is_some()) {
        Some(_) => fitted(redacted(fragment(code, others))),
        None if is_gs1 => fitted(redacted(gs1_message(&code.text))),
        None => read(&code.text),
    }
}

/// One symbol of a message whose other symbols were not all read. What it says means nothing by itself, so it names no
/// product; where the first symbol shows that the message holds a secret, the others may be that secret.
fn fragment(code: &Code, others: &[Code]) -> Payload {
    let set = |code: &Code| code.sequence.map(|sequence| (sequence.count, sequence.parity));
    let is_first = |code: &&Code| code.sequence.and_then(|sequence| sequence.index) == Some(0);
    let stored = if is_first(&code) {
        read(&code.text).stored
    } else {
        let mut firsts = others.iter().filter(|other| set(other) == set(code)).filter(is_first);
        if firsts.any(|first| read(&first.text).stored.contains(REDACTED)) {
            REDACTED.to_owned()
        } else {
            code.text.clone()
        }
    };
    plain(stored, "fragment")
}

/// A message with FNC1 in first position: element strings, but for those of printers that put FNC1 before an address.
fn gs1_message(text: &str) -> Payload {
    let (elements, _) = gs1_elements::elements(text);
    let said = text.trim();
    let begins = |scheme: &str| said.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if elements.is_empty() {
        if begins("http:") || begins("https:") {
            return read(text);
        }
        if let Some(payload) = by_scheme(text, said) {
            return payload;
        }
    }
    let product = gs1_elements::product_key(&elements).map(Product::of_key).unwrap_or_default();
    element_string(text, product)
}

fn element_string(text: &str, product: Product) -> Payload {
    let Product { id: product_id, source: product_id_source, gtin } = product;
    Payload { product_id, product_id_source, gtin, ..plain(text.to_owned(), "gs1_element_string") }
}

/// Reads a code's text. Never fails: what is nothing else is `text`.
pub fn read(text: &str) -> Payload {
    remembered(text, read_anew)
}

fn read_anew(text: &str) -> Payload {
    let mut payload = read_once(text);
    // What a text hides beside or around its address, its columns must not show: they are made of what is stored.
    for _ in 0..MOST_READINGS {
        if payload.product_url.is_none() || payload.stored == text {
            return fitted(payload);
        }
        let again = read_once(&payload.stored);
        if again.stored == payload.stored {
            let has_other_kind = again.product_url.is_none() && matches!(payload.kind, "url" | "gs1_digital_link");
            let kind = if has_other_kind || again.product_url.is_some() { again.kind } else { payload.kind };
            return fitted(Payload { kind, ..again });
        }
        payload = again;
    }
    fitted(plain(REDACTED.to_owned(), payload.kind))
}

/// How often a text is read anew because something was hidden in it.
const MOST_READINGS: usize = 8;

fn read_once(text: &str) -> Payload {
    let said = address::trim(text);
    if let Some(payload) = by_mark(text, said).or_else(|| by_scheme(text, said)) {
        return redacted(payload);
    }
    match web(text) {
        // Most payloads are an address and nothing else, and looking through a text costs more than all the rest here.
        Some(Web { payload, is_clean: true }) => payload,
        Some(Web { payload, .. }) => redacted(payload),
        // What is not a valid address may hold a password all the same.
        None => redacted(plain(text.to_owned(), "text")),
    }
}

fn plain(stored: String, kind: &'static str) -> Payload {
    let url_count = count(address::find(&stored).count);
    Payload { stored, kind, url_count, ..Payload::default() }
}

fn count(addresses: usize) -> u32 {
    u32::try_from(addresses).unwrap_or(u32::MAX)
}

/// A text with a web address in it.
struct Web {
    payload: Payload,
    /// The text is the address alone, and was looked through: it holds no secret.
    is_clean: bool,
}

/// A text with a web address in it. Each column is made from what [`redact`] leaves of the address, so that none shows
/// what another hides.
fn web(text: &str) -> Option<Web> {
    let found = address::find(text);
    let first = found.first?;
    let redacted = redact(&first);
    let facts = url_rules::read(&redacted)?;
    // A secret may show only where the address is seen apart from what was run into it.
    let stored = match text.find(&first) {
        _ if redacted == first => text.to_owned(),
        Some(_) => text.replacen(&first, &redacted, 1),
        None if redact(text) == text => redacted.clone(),
        None => text.to_owned(),
    };
    let mut is_clean = redacted == first && first == text;
    let mut payload = Payload {
        stored,
        kind: if facts.is_digital_link { "gs1_digital_link" } else { "url" },
        product_url: Some(facts.url),
        url_host: Some(facts.host),
        url_path: Some(facts.path),
        product_id: facts.product.id,
        product_id_source: facts.product.source,
        url_count: count(found.count),
        gtin: facts.product.gtin,
        utm_source: facts.utm_source,
        utm_medium: facts.utm_medium,
        utm_campaign: facts.utm_campaign,
    };
    // What looks like a secret only once it is normalised or unescaped was not hidden in the text.
    let columns =
        [&payload.product_url, &payload.product_id, &payload.utm_source, &payload.utm_medium, &payload.utm_campaign];
    if columns.into_iter().flatten().any(|value| *value != redacted && redact(value) != *value) {
        is_clean = false;
        let facts = url_rules::read(&redact(payload.product_url.as_deref()?))?;
        payload.stored = facts.url.clone();
        payload.product_url = Some(facts.url);
        payload.url_path = Some(facts.path);
        payload.product_id = None;
        payload.product_id_source = ProductIdSource::None;
        payload.gtin = None;
        for utm in [&mut payload.utm_source, &mut payload.utm_medium, &mut payload.utm_campaign] {
            *utm = utm.take().map(|_| REDACTED.to_owned());
        }
    }
    Some(Web { payload, is_clean })
}

/// Forms told by how they begin, without being an address.
fn by_mark(text: &str, said: &str) -> Option<Payload> {
    let begins = |mark: &str| said.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if begins("BEGIN:VCARD") {
        return Some(plain(text.to_owned(), "vcard"));
    }
    if begins("BEGIN:VEVENT") || begins("BEGIN:VCALENDAR") {
        return Some(plain(text.to_owned(), "event"));
    }
    // Without the scheme that GSMA SGP.22 asks for, as providers print it for typing in.
    if begins("1$") && redact(said) != said {
        return Some(plain(format!("1${REDACTED}"), "esim"));
    }
    if said.as_bytes().get(1) == Some(&b'@')
        && redact(said) == format!("{}@{REDACTED}", said.get(..1).unwrap_or_default())
    {
        return Some(plain(text.to_owned(), "login"));
    }
    if let Some(mark) = PAYMENT_MARKS.iter().find(|mark| begins(mark)) {
        // A plain number or word may begin like the marks without a line break.
        let is_payment = match *mark {
            "000201" => said.len() >= 32 && said.contains("6304"),
            "LNBC" | "LNURL1" => said.len() >= 32 && said.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            _ => true,
        };
        if is_payment {
            return Some(plain(format!("{}:{REDACTED}", mark.trim_end()), "payment"));
        }
    }
    // Only at its start is FNC1 a mark, and `trim` leaves it there.
    let key = gs1::element_string(said)?;
    Some(element_string(text, Product::of_key(key)))
}

/// By the scheme, if it is another than the web's.
fn by_scheme(text: &str, said: &str) -> Option<Payload> {
    let (scheme, rest) = said.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        return None;
    }
    match scheme.to_ascii_lowercase().as_str() {
        // The address behind the label, as old code makers wrote it.
        "url" | "urlto" => {
            let found = web(rest.trim()).map_or_else(|| plain(rest.to_owned(), "text"), |web| web.payload);
            // Behind a label an address may have any form that browsers take.
            Some(Payload { stored: format!("{scheme}:{}", redact(&found.stored)), ..found })
        }
        "mebkm" => Some(bookmark(text, rest)),
        "wifi" => Some(plain(format!("{scheme}:{}", wifi::redact_fields(rest)), "wifi")),
        "otpauth" => Some(plain(one_time_password(scheme, rest), "otp")),
        other => {
            let (_, kind, keep) = SCHEMES.iter().find(|(name, _, _)| *name == other)?;
            // `line: 5` is a sentence; people do write `tel: 123`.
            if rest.starts_with(char::is_whitespace) && !matches!(*kind, "email" | "phone" | "sms" | "geo") {
                return None;
            }
            Some(match keep {
                Keep::Address => plain(text.to_owned(), kind),
                Keep::Scheme => plain(format!("{scheme}:{REDACTED}"), kind),
            })
        }
    }
}

/// `MEBKM:TITLE:…;URL:…;;`
fn bookmark(text: &str, fields: &str) -> Payload {
    let address = wifi::fields(fields).into_iter().find_map(|field| {
        let (name, value) = field.split_once(':')?;
        name.trim().eq_ignore_ascii_case("URL").then(|| unescape(value).trim().to_owned())
    });
    let Some(address) = address else {
        return plain(text.to_owned(), "bookmark");
    };
    let redacted = redact(&address);
    let stored = if redacted == address {
        text.to_owned()
    } else {
        // Escapes may hide where in the text the secret stood, so the address takes the text's place.
        format!("MEBKM:URL:{}", redacted.replace('\\', "\\\\").replace(';', "\\;"))
    };
    let found = web(&address).map(|web| web.payload).unwrap_or_default();
    Payload { stored, kind: "bookmark", ..found }
}

/// `otpauth://totp/label?secret=…&issuer=…` with the type and the open parameters kept.
fn one_time_password(scheme: &str, rest: &str) -> String {
    let (label, query) = rest.split_once('?').unwrap_or((rest, ""));
    let label = label.trim_start_matches('/');
    let kind =
        label.split('/').next().filter(|kind| ["totp", "hotp"].iter().any(|known| known.eq_ignore_ascii_case(kind)));
    let open = ["issuer", "algorithm", "digits", "period", "counter"];
    let kept: Vec<&str> = query
        .split('&')
        .filter(|part| {
            let name = part.split('=').next().unwrap_or_default();
            open.iter().any(|open| open.eq_ignore_ascii_case(name)) && !holds_secret(part)
        })
        .collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{}/{REDACTED}{query}", kind.unwrap_or(REDACTED))
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        out.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    out
}

/// The payload with its text without secrets, whatever its kind.
fn redacted(payload: Payload) -> Payload {
    Payload { stored: redact(&payload.stored), ..payload }
}

/// The payload within the columns' caps.
fn fitted(payload: Payload) -> Payload {
    const PAYLOAD: usize = text_cap("payload");
    const PRODUCT_URL: usize = text_cap("product_url");
    const URL_HOST: usize = text_cap("url_host");
    const URL_PATH: usize = text_cap("url_path");
    const PRODUCT_ID: usize = text_cap("product_id");
    const UTM_SOURCE: usize = text_cap("utm_source");
    const UTM_MEDIUM: usize = text_cap("utm_medium");
    const UTM_CAMPAIGN: usize = text_cap("utm_campaign");
    let some = |text: Option<String>, cap| text.and_then(|text| fit_some(&text, cap));
    Payload {
        stored: fit(&payload.stored, PAYLOAD),
        kind: payload.kind,
        product_url: some(payload.product_url, PRODUCT_URL),
        url_host: some(payload.url_host, URL_HOST),
        url_path: some(payload.url_path, URL_PATH),
        product_id: some(payload.product_id, PRODUCT_ID),
        product_id_source: payload.product_id_source,
        url_count: payload.url_count,
        gtin: payload.gtin,
        utm_source: some(payload.utm_source, UTM_SOURCE),
        utm_medium: some(payload.utm_medium, UTM_MEDIUM),
        utm_campaign: some(payload.utm_campaign, UTM_CAMPAIGN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_stand_once_and_their_kinds_are_in_the_list() {
        for (place, (scheme, kind, _)) in SCHEMES.iter().enumerate() {
            assert!(KINDS.contains(kind) && kind.len() <= text_cap("payload_kind"), "{kind}");
            assert_eq!(SCHEMES.iter().position(|(other, _, _)| other == scheme), Some(place), "{scheme}");
            assert_eq!(scheme.to_ascii_lowercase(), *scheme);
        }
    }

    #[test]
    fn fields_are_split_at_semicolons_that_nothing_escapes() {
        assert_eq!(wifi::fields(r"a:1;b:\;c;d;;"), ["a:1", r"b:\;c", "d", "", ""]);
        assert_eq!(wifi::fields(r"a:\\;b"), [r"a:\\", "b"]);
        assert_eq!(unescape(r"http\://x\\y\"), r"http://x\y");
    }
}
