//! Where the web addresses with a scheme are in a text that is more than one.
//!
//! An address ends (RFC 3986, appendix C) at white space, at a quote or an angle bracket. Punctuation at its end belongs to
//! the sentence, and so does a closing bracket that was not opened in it. Hosts may be of any script and any form: names,
//! numbers, IPv6 in its brackets.

/// The addresses of a text, each from its scheme to its end, in order. None overlaps another.
pub fn links(text: &str) -> Vec<&str> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in lower.match_indices("://") {
        let (before, rest) = lower.split_at(at);
        let Some(scheme) = ["https", "http"].iter().find(|scheme| before.ends_with(**scheme)) else { continue };
        let start = at - scheme.len();
        let around = text.get(..start).unwrap_or_default();
        // A scheme is a word of its own.
        if start < from || around.ends_with(|letter: char| letter.is_ascii_alphanumeric()) {
            continue;
        }
        let behind = at + rest.len() - rest.trim_start_matches("://").len();
        let quote = around.chars().next_back().filter(|letter| matches!(letter, '\'' | '"'));
        let length = length(text.get(behind..).unwrap_or_default(), quote);
        if length > 0 {
            found.extend(text.get(start..behind + length));
            from = behind + length;
        }
    }
    found
}

/// How many bytes of what follows a scheme are its address. `quote` is before the scheme.
fn length(text: &str, quote: Option<char>) -> usize {
    let authority = text.get(..text.find(|letter| is_end(letter) || "/?#\\".contains(letter)).unwrap_or(text.len()));
    let authority = authority.unwrap_or_default();
    // A user may have any sign in his name.
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    let (_, host) = authority.split_at(user);
    // An address of IPv6.
    let number = if host.starts_with('[') { host.find(']').map_or(0, |at| at + 1) } else { 0 };
    let rest = host.get(number..).unwrap_or_default();
    let end = number + rest.find(|letter| !is_of_host(letter)).unwrap_or(rest.len());
    if end < host.len() {
        let host = host.get(..end).unwrap_or_default();
        return user + host.trim_end_matches(['.', ':', '-']).len();
    }
    let end = authority.len() + path_length(text.get(authority.len()..).unwrap_or_default(), quote);
    if end > authority.len() { end } else { authority.trim_end_matches(['.', ':', '-']).len() }
}

/// Signs that no address holds.
fn is_end(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || matches!(letter, '|' | '"' | '<' | '>' | '`')
}

fn is_of_host(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-._~%:".contains(letter) || !letter.is_ascii() && !is_mark(letter)
}

/// Dashes, quotes, dots and the like of any script, which are not letters.
fn is_mark(letter: char) -> bool {
    matches!(letter, '«' | '»' | '·' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{3000}'..='\u{3003}' | '\u{3008}'..='\u{3020}')
}

/// How much of a path, query and fragment belongs to the address they follow.
fn path_length(text: &str, quote: Option<char>) -> usize {
    const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];
    let mut open = [0_usize; PAIRS.len()];
    let mut is_quoted = false;
    let mut can_end = true;
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        if is_end(letter) || Some(letter) == quote {
            break;
        }
        can_end = match letter {
            '?' | '!' | '.' | ',' | ':' | ';' | '*' | '(' | '[' | '{' => false,
            // Behind punctuation it is a part of that.
            '/' => can_end,
            '\'' => {
                is_quoted = !is_quoted;
                !is_quoted
            }
            _ => !is_mark(letter),
        };
        for (count, (opening, closing)) in open.iter_mut().zip(PAIRS) {
            if letter == opening {
                *count += 1;
            } else if letter == closing {
                match count.checked_sub(1) {
                    Some(left) => *count = left,
                    None => return end,
                }
            }
        }
        if can_end {
            end = at + letter.len_utf8();
        }
    }
    end
}

/// An address without the words of another script that are right behind the name of its host: no top level mixes them.
pub fn without_glued_words(address: &str) -> &str {
    let Some((scheme, rest)) = address.split_once("://") else { return address };
    let authority = rest.get(..rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())).unwrap_or_default();
    let top = authority.rfind(['.', '@']).filter(|at| authority.get(*at..).is_some_and(|top| top.starts_with('.')));
    let Some(top) = top.and_then(|at| authority.get(at + 1..)) else { return address };
    let latin = top.bytes().take_while(u8::is_ascii_alphabetic).count();
    // Accents are of the same script.
    let is_other = |letter: char| letter > '\u{24F}' && letter.is_alphabetic();
    if latin < 2 || !top.get(latin..).is_some_and(|rest| rest.starts_with(is_other)) {
        return address;
    }
    let end = scheme.len() + "://".len() + authority.len() - top.len() + latin;
    address.get(..end).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_sentences() {
        for (text, expected) in [
            ("см. http://пример.рф/п/1, там", "http://пример.рф/п/1"),
            ("см. http://пример.рф там", "http://пример.рф"),
            ("مرحبا http://موقع.السعودية/p/1", "http://موقع.السعودية/p/1"),
            ("see https://shop.рф/p/1.", "https://shop.рф/p/1"),
            ("देखें https://कंपनी.भारत/p/1 पर", "https://कंपनी.भारत/p/1"),
            ("open http://[2001:db8::1]/p/1 now", "http://[2001:db8::1]/p/1"),
            ("open http://[::1]:8080/x.", "http://[::1]:8080/x"),
            ("(http://[::1])", "http://[::1]"),
            ("[http://[::1]:80]", "http://[::1]:80"),
            ("x http://192.168.0.1:81/p/1 x", "http://192.168.0.1:81/p/1"),
            ("see http://sub_domain.shop.de/p/1 now", "http://sub_domain.shop.de/p/1"),
            ("see http://a-.shop.de/p now", "http://a-.shop.de/p"),
            ("see https://shop.de./p/1 now", "https://shop.de./p/1"),
            ("see https://shop.de#top now", "https://shop.de#top"),
            ("see https://shop.de.", "https://shop.de"),
            ("see https://shop.de:", "https://shop.de"),
            ("see https://shop.de,and more", "https://shop.de"),
            ("see https://shop.de;or", "https://shop.de"),
            ("see https://shop.de…", "https://shop.de"),
            ("see https://shop.de/p/1… more", "https://shop.de/p/1"),
            ("see https://shop.de/p/1– more", "https://shop.de/p/1"),
            ("see https://shop.de) now", "https://shop.de"),
            ("“https://shop.de”", "https://shop.de"),
            ("“https://shop.de/p/1”", "https://shop.de/p/1"),
            ("*https://shop.de/p/1*", "https://shop.de/p/1"),
            ("'https://shop.de/it's'", "https://shop.de/it"),
            ("a https://shop.de/it's b", "https://shop.de/it's"),
            ("see https://me,you:p;w@shop.de/p now", "https://me,you:p;w@shop.de/p"),
            ("{\"a\":\"https://shop.de/{id}/x\"}", "https://shop.de/{id}/x"),
            ("https://shop.de/a_(b)_(c)) x", "https://shop.de/a_(b)_(c)"),
            ("https://shop.de/?./ x", "https://shop.de/"),
        ] {
            assert_eq!(links(text), [expected], "{text}");
        }
        assert_eq!(
            links("a https://a.de/1 http://b.de, HTTPS://C.DE/3|https://d.de"),
            ["https://a.de/1", "http://b.de", "HTTPS://C.DE/3", "https://d.de"]
        );
        for text in
            ["", "://", "http://", "see http:// x", "xhttps://x.de b", "1http://x.de", "ftp://x.de/ a", "https://)"]
        {
            assert_eq!(links(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn words_of_another_script_behind_a_host_are_not_of_it() {
        for (address, expected) in [
            ("https://shop.cn查看详情", "https://shop.cn"),
            ("https://shop.cn查看/p/1", "https://shop.cn"),
            ("https://www.shop.kr에서", "https://www.shop.kr"),
            ("https://shop.cn/查看", "https://shop.cn/查看"),
            ("https://例え.jp/商品", "https://例え.jp/商品"),
            ("https://shop.рф/p", "https://shop.рф/p"),
            ("https://bücher.de/p", "https://bücher.de/p"),
            ("https://shop.verm\u{f6}gensberater", "https://shop.verm\u{f6}gensberater"),
            ("https://shop", "https://shop"),
            ("x", "x"),
        ] {
            assert_eq!(without_glued_words(address), expected, "{address}");
        }
    }
}
