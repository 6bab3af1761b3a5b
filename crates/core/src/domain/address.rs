//! Web addresses in a text: where the first one begins and ends, and how many there are.
//!
//! A text that is one address, with nothing around it, is taken as it is, up to punctuation that no address holds
//! unescaped: of scripts without spaces, or a bracket that closes what was never opened. In any other text an address begins with
//! `http://` or `https://` and ends where [`super::links`] says. Only where there is none with a scheme, a `www.` or a host
//! with a path (`shop.de/p/1`) is taken for one.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::links::{links, without_glued_words};
use super::url_rules::parse;

/// Endings of hosts that stand alone, without `www.` and without a path. Two-letter endings are countries and always
/// taken; with this list `example.com` is an address and `invoice.pdf` is none.
const COMMON_ENDINGS: &[&str] = &[
    "app", "biz", "cloud", "com", "dev", "edu", "gov", "info", "link", "net", "online", "org", "shop", "site", "store",
];

/// The addresses of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundAddresses {
    /// The first, with a scheme.
    pub first: Option<String>,
    /// How many there are.
    pub count: usize,
}

/// Finds the web addresses of a text.
pub fn find(text: &str) -> FoundAddresses {
    let text = trim(text);
    let single = without_outer_schemes(text);
    let mut found =
        if is_alone(text) { parts(without_glued_words(up_to_foreign_punctuation(text))) } else { within(&single) };
    // What has no host that could be is not an address, and hides none behind it.
    found.retain(|address| parse(address).is_some());
    match found.first() {
        Some(first) => FoundAddresses { first: Some(alone(first)), count: found.len() },
        None => {
            let bare = bare(text);
            let apart = bare.iter().flat_map(|one| parts(without_glued_words(up_to_foreign_punctuation(one))));
            let found: Vec<Cow<'_, str>> = apart.collect();
            FoundAddresses { first: found.first().map(|first| first.clone().into_owned()), count: found.len() }
        }
    }
}

/// An address without another behind it, which may show only when it is written as browsers write it: `https:///01/;https://x.de`.
fn alone(address: &str) -> String {
    let has_another = address.matches("://").count() > 1;
    let written = has_another.then(|| parse(address)).flatten();
    let apart = written.as_ref().map(|(url, _)| parts(url.as_str())).unwrap_or_default();
    match apart.as_slice() {
        [first, _, ..] => first.clone().into_owned(),
        _ => address.to_owned(),
    }
}

/// A text without white space, byte order marks and invisible characters around it.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|letter: char| {
        letter.is_whitespace() || letter.is_control() && letter != '\u{1d}' || is_invisible(letter)
    })
}

/// Byte order marks, marks of direction, and what joins and parts words without being seen.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{FEFF}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}')
}

/// Whether a text is one address, or several with commas between them: it begins with a scheme, in any form that
/// browsers take, and nothing in it ends an address.
fn is_alone(text: &str) -> bool {
    let scheme = text.split(':').next().unwrap_or_default();
    is_web_scheme(scheme) && !text.contains(is_no_part)
}

/// Signs that no address holds, not even one that is a text of its own.
fn is_no_part(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || is_invisible(letter) || matches!(letter, '<' | '>' | '"' | '`')
}

/// An address without what follows it in scripts that put no space there: `https://a.de/1，谢谢`. Brackets of any kind
/// belong to it if they were opened in it, as in the name of an article.
fn up_to_foreign_punctuation(text: &str) -> &str {
    const PAIRS: [(char, char); 8] =
        [('[', ']'), ('{', '}'), ('（', '）'), ('「', '」'), ('『', '』'), ('【', '】'), ('《', '》'), ('〈', '〉')];
    let start = text.find("://").map_or(0, |at| at + 3);
    let authority_end =
        text.get(start..).and_then(|rest| rest.find(['/', '\\', '?', '#'])).map_or(text.len(), |at| start + at);
    let query = text.find(['?', '#']).unwrap_or(text.len());
    let mut open: Vec<char> = Vec::new();
    for (at, letter) in text.char_indices().filter(|(at, _)| (authority_end..query).contains(at)) {
        if let Some((_, closing)) = PAIRS.iter().find(|(opening, _)| *opening == letter) {
            open.push(*closing);
        } else if PAIRS.iter().any(|(_, closing)| *closing == letter) && open.pop() != Some(letter)
            || is_wide_stop(letter)
            || matches!(letter, '…' | '؟' | '،' | '؛' | '।')
        {
            return text.get(..at).unwrap_or(text);
        }
    }
    text
}

/// The addresses of a list without white space: `https://a.de/1,https://b.de/2`, or run together:
/// `https://a.de/1https://b.de/2`. In a query a comma means nothing, and behind a delimiter (`/go/https://b.de`,
/// `?u=https://b.de`, an escape) an address is a part of the one around it.
fn parts(text: &str) -> Vec<Cow<'_, str>> {
    let lower = text.to_ascii_lowercase();
    let query = text.find(['?', '#']).unwrap_or(text.len());
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    for (at, _) in lower.match_indices("http") {
        let (before, rest) = lower.split_at(at);
        let is_scheme = rest.starts_with("http://") || rest.starts_with("https://");
        let is_apart = at < query && before.ends_with([',', ';', '|', '.']);
        let is_glued = before.ends_with(char::is_alphanumeric) && !ends_with_escape(before);
        if !is_scheme
            || !(is_apart || is_glued)
            || !before.get(from..).is_some_and(|before| has_web_host(&without_outer_scheme(before)))
            || !has_web_host(&without_outer_scheme(rest))
        {
            continue;
        }
        cuts.push((if is_apart { at - 1 } else { at }, at));
        from = at;
    }
    let starts = std::iter::once(0).chain(cuts.iter().map(|(_, start)| *start));
    let ends = cuts.iter().map(|(end, _)| *end).chain([text.len()]);
    starts.zip(ends).filter_map(|(start, end)| text.get(start..end)).map(without_outer_scheme).collect()
}

fn ends_with_escape(text: &str) -> bool {
    let end = text.as_bytes().get(text.len().saturating_sub(3)..).unwrap_or_default();
    matches!(end, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// The inner one of `http://https://shop.de`, `https://https//shop.de` and `http://www.https://shop.de`: a full address
/// typed into a form that puts a scheme before it.
fn without_outer_scheme(address: &str) -> Cow<'_, str> {
    let mut address = Cow::Borrowed(address);
    while let Some(inner) = inner_address(&address) {
        address = Cow::Owned(inner);
    }
    address
}

/// [`without_outer_scheme`] of every word of a text that holds an address.
fn without_outer_schemes(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    if !["http://http", "https://http", "http://www.http", "https://www.http"].iter().any(|two| lower.contains(two)) {
        return Cow::Borrowed(text);
    }
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let (before, address) = word.split_at(word.to_ascii_lowercase().find("http").unwrap_or(word.len()));
        format!("{before}{}", without_outer_scheme(address))
    });
    Cow::Owned(words.collect())
}

fn inner_address(address: &str) -> Option<String> {
    let (_, rest) = address.split_once(':').filter(|(scheme, _)| is_web_scheme(scheme))?;
    let rest = rest.trim_start_matches(['/', '\\']);
    let behind_www = rest.split_at_checked(4).filter(|(www, _)| www.eq_ignore_ascii_case("www."));
    let rest = behind_www.map_or(rest, |(_, behind)| behind);
    let plain = match rest.to_ascii_lowercase() {
        // Escaped as a whole, as the value of a parameter is.
        lower if lower.starts_with("http%3a") || lower.starts_with("https%3a") => {
            percent_decode_str(rest).decode_utf8().ok()?
        }
        _ => Cow::Borrowed(rest),
    };
    let (scheme, behind) = plain.split_at(plain.find([':', '/', '\\'])?);
    // `http//shop.de` has lost its colon.
    let host = behind.strip_prefix(':').unwrap_or(behind);
    let host = host.strip_prefix(['/', '\\']).filter(|host| behind.starts_with(':') || host.starts_with('/'))?;
    let host = host.trim_start_matches(['/', '\\']);
    (is_web_scheme(scheme) && !host.is_empty()).then(|| format!("{scheme}://{host}"))
}

fn is_web_scheme(text: &str) -> bool {
    text.eq_ignore_ascii_case("http") || text.eq_ignore_ascii_case("https")
}

/// The addresses with a scheme in a text.
fn within(text: &str) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    for link in links(text) {
        // Scripts without spaces go on right behind an address, after their own punctuation.
        let link = link.split(|letter: char| is_invisible(letter) || is_wide_punctuation(letter)).next();
        let parts = link.map(without_glued_words).map(parts).unwrap_or_default();
        found.extend(parts.into_iter().filter(|part| has_web_host(part)));
    }
    found
}

/// What parts sentences in scripts without spaces, and closes quotes.
fn is_wide_stop(letter: char) -> bool {
    matches!(letter, '、' | '。' | '！' | '，' | '：' | '；' | '？' | '”' | '’')
}

fn is_wide_punctuation(letter: char) -> bool {
    is_wide_stop(letter)
        || matches!(
            letter,
            '\u{3000}' | '\u{3003}' | '\u{3008}'..='\u{3011}' | '（' | '）' | '“' | '«' | '»' | '„' | '‘'
        )
}

/// Whether an address is `http:` or `https:` with a host that has a dot or is `localhost`: in a sentence, others are no
/// hosts but what follows a slip of the pen.
fn has_web_host(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    is_web_scheme(scheme)
        && (host.trim_matches('.').contains(['.', '[']) || host.split(':').next() == Some("localhost"))
}

/// The addresses without a scheme in a text, completed.
fn bare(text: &str) -> Vec<String> {
    if !text.contains(is_no_part)
        && let Some(whole) = complete(text)
    {
        return vec![whole];
    }
    let is_end = |letter: char| {
        letter.is_whitespace()
            || is_invisible(letter)
            || is_wide_punctuation(letter)
            || matches!(letter, '<' | '>' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '`')
    };
    let words = text.split(is_end).map(|word| word.trim_end_matches(['.', ',', ':', ';', '!', '?']));
    words.filter(|word| is_sure(word)).filter_map(complete).collect()
}

/// Whether a word of a sentence is surely an address: `www.x.de`, or a path behind a host of a common ending.
fn is_sure(word: &str) -> bool {
    let Some((host, path)) = word.split_once('/') else {
        return word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    };
    let ending = host.split(':').next().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_lowercase();
    (!path.is_empty() && host.contains('.') && is_common(&ending))
        || host.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
}

fn is_common(ending: &str) -> bool {
    ending.chars().count() == 2 || COMMON_ENDINGS.contains(&ending)
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
    (has_www || has_more || is_common(&ending)).then(|| format!("https://{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_are_in_a_text() {
        for (text, first, count) in [
            ("https://shop.de/p/1", "https://shop.de/p/1", 1),
            ("https://shop.de/p/1.", "https://shop.de/p/1.", 1),
            ("https://shop.de/a|b{c}", "https://shop.de/a|b{c}", 1),
            ("http:\\\\x.de", "http:\\\\x.de", 1),
            ("http://nas/p/1", "http://nas/p/1", 1),
            ("https://shop.de/p/1\nThank you", "https://shop.de/p/1", 1),
            ("https://shop.de/p/1\r\nhttps://shop.de/p/2", "https://shop.de/p/1", 2),
            ("https://shop.de/p/1\u{a0}x", "https://shop.de/p/1", 1),
            ("https://shop.de/p/1\ttab", "https://shop.de/p/1", 1),
            ("\u{FEFF}https://shop.de/p/1", "https://shop.de/p/1", 1),
            ("\u{200B}https://shop.de/p/1\0", "https://shop.de/p/1", 1),
            ("<https://shop.de/p/1>", "https://shop.de/p/1", 1),
            ("\"https://shop.de/p/1\"", "https://shop.de/p/1", 1),
            ("'https://shop.de/p/1'", "https://shop.de/p/1", 1),
            ("(https://shop.de/p/1)", "https://shop.de/p/1", 1),
            ("„https://shop.de/p/1“", "https://shop.de/p/1", 1),
            ("See https://shop.de/p/1, or https://shop.de/p/2!", "https://shop.de/p/1", 2),
            ("See (https://de.wikipedia.org/wiki/A_(B)).", "https://de.wikipedia.org/wiki/A_(B)", 1),
            ("Really https://shop.de/p?id=1?", "https://shop.de/p?id=1", 1),
            ("扫码https://shop.cn/p/1，谢谢", "https://shop.cn/p/1", 1),
            ("HTTPS://SHOP.DE/P/1 now", "HTTPS://SHOP.DE/P/1", 1),
            ("https://shop.cn查看详情", "https://shop.cn", 1),
            ("请访问https://shop.cn查看 now", "https://shop.cn", 1),
            ("www.shop.cn查看", "https://www.shop.cn", 1),
            ("см. http://пример.рф/п/1, или http://[::1]/x", "http://пример.рф/п/1", 2),
            ("https://shop.de/p/1`", "https://shop.de/p/1", 1),
            ("https://a.de/1,https://b.de/2;http://c.de", "https://a.de/1", 3),
            ("https://a.de/?u=1,https://b.de/2", "https://a.de/?u=1,https://b.de/2", 1),
            ("https://a.de/go/https://b.de/2", "https://a.de/go/https://b.de/2", 1),
            ("Visit www.shop.de/p/1.", "https://www.shop.de/p/1", 1),
            ("Visit www.shop.de and shop.de/p/1", "https://www.shop.de", 2),
            ("See shop.de/p/1 (new)", "https://shop.de/p/1", 1),
            ("shop.de", "https://shop.de", 1),
            ("shop.de/1`2", "https://shop.de/1", 1),
            ("https:\\\\shop.de\\1]", "https:\\\\shop.de\\1", 1),
            ("https:///01/;https://x.de", "https://0.0.0.1/", 1),
            ("x.de?x.dehttps://A.a", "https://x.de?x.de", 2),
            ("shop.de/1https://b.de/2", "https://shop.de/1", 2),
        ] {
            assert_eq!(find(text), FoundAddresses { first: Some(first.to_owned()), count }, "{text:?}");
        }
    }

    #[test]
    fn the_inner_of_two_schemes_is_the_address() {
        for (text, first) in [
            ("http://https://shop.example/p/1", "https://shop.example/p/1"),
            ("https://https//shop.example/p/1", "https://shop.example/p/1"),
            ("http://http//shop.example/p/1", "http://shop.example/p/1"),
            ("HTTP://HTTPS://SHOP.EXAMPLE/P/1", "HTTPS://SHOP.EXAMPLE/P/1"),
            ("http://http://https://shop.example/p/1", "https://shop.example/p/1"),
            ("https://https:/shop.example/p/1", "https://shop.example/p/1"),
            ("https:https://shop.example/p/1", "https://shop.example/p/1"),
            ("http://www.https://www.shop.example/p/1", "https://www.shop.example/p/1"),
            ("http:///https:///shop.example/p/1", "https://shop.example/p/1"),
            ("https://https%3A%2F%2Fshop.example%2Fp%2F1", "https://shop.example/p/1"),
            ("See http://https://shop.example/p/1 now", "https://shop.example/p/1"),
            ("http://httpbin.org/get", "http://httpbin.org/get"),
            ("http://http.cat/404", "http://http.cat/404"),
            ("https://https.example/a//b", "https://https.example/a//b"),
        ] {
            assert_eq!(find(text), FoundAddresses { first: Some(first.to_owned()), count: 1 }, "{text:?}");
        }
        for text in ["http://https", "https://https/", "http://https:443/p/1", "https://http:/", "http://https://"] {
            assert_eq!(find(text), FoundAddresses::default(), "{text:?}");
        }
    }

    #[test]
    fn addresses_run_together_are_parted_and_those_within_another_are_not() {
        for (text, first, count) in [
            ("https://a.de/p/1https://www.b.de/p/2", "https://a.de/p/1", 2),
            ("https://a.dehttps://b.de", "https://a.de", 2),
            ("https://a.de/p/1HTTP://B.DE/2https://c.de/3", "https://a.de/p/1", 3),
            ("https://a.de/?id=5https://b.de/", "https://a.de/?id=5", 2),
            ("https://a.de/p/1.https://b.de/p/2", "https://a.de/p/1", 2),
            ("See https://a.de/p/1https://b.de/p/2 now", "https://a.de/p/1", 2),
            ("https://a.de/p/1http://https://b.de/p/2", "https://a.de/p/1", 2),
        ] {
            assert_eq!(find(text), FoundAddresses { first: Some(first.to_owned()), count }, "{text:?}");
        }
        for text in [
            "https://web.archive.org/web/2020/https://a.de/p/1",
            "https://web.archive.org/web/2020id_/https://a.de/p/1",
            "https://a.de/redirect/https://b.de/2",
            "https://a.de/?u=https://b.de/2",
            "https://a.de/?q=%22https://b.de/2",
            "https://a.de/cache:https://b.de/2",
            "https://a.de/#https://b.de/2",
            "https://a.de/%20https://b.de/2",
            "https://a.de/view-https://b.de/2",
            "https://a.de/xhttps://b",
        ] {
            assert_eq!(find(text), FoundAddresses { first: Some(text.to_owned()), count: 1 }, "{text:?}");
        }
    }

    #[test]
    fn what_has_no_valid_host_is_not_counted() {
        for text in ["https://xn--a.example/", "http://[fe80::1%25eth0]/", "https://shop.example:99999/p/1"] {
            assert_eq!(find(text), FoundAddresses::default(), "{text:?}");
        }
        let found = find("https://xn--a.example/ https://b.de/2");
        assert_eq!(found, FoundAddresses { first: Some("https://b.de/2".to_owned()), count: 1 });
    }

    #[test]
    fn nothing_is_made_up() {
        for text in [
            "",
            "hello world",
            "http://me:pw@a b/",
            "see http://",
            "Dr.Who/what is it",
            "and/or e.g./i.e. this",
            "me@shop.de is me@shop.de/x",
            "version 1.2/3 of it",
            "ftp://x.de/a b",
            "xhttps://x.de b",
            "shop.de is a host",
            "Hello.World how/are you",
        ] {
            assert_eq!(find(text), FoundAddresses::default(), "{text:?}");
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
