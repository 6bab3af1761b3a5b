//! Which paths a Rust source names: a small reader of tokens, enough to follow `use` trees, inline paths, `self`,
//! `super` and nested modules. Comments, strings and `#[cfg(test)]` items are left out.

use std::collections::HashSet;

/// A path as the crate's root sees it, `["crate", "queue", "sqlite", "open"]`, or an outer crate's, `["rayon", "join"]`.
/// A glob ends in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The segments.
    pub path: Vec<String>,
    /// Line it begins on, from 1.
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// `::`
    Sep,
    Mark(char),
}

/// Every path in the source of the module `module` (`["queue", "sqlite"]`): those of `use`, and others of more than one segment.
pub fn named(source: &str, module: &[&str]) -> Vec<Named> {
    let tokens = without_tests(tokens(source));
    let children = declared_modules(&tokens);
    let root: Vec<String> = std::iter::once("crate").chain(module.iter().copied()).map(str::to_owned).collect();
    let mut reader = Reader { tokens: &tokens, at: 0, modules: vec![(root, 0)], children, found: Vec::new() };
    reader.read();
    reader.found
}

struct Reader<'a> {
    tokens: &'a [(Token, usize)],
    at: usize,
    /// Open modules with the depth of braces inside them, the file's own first.
    modules: Vec<(Vec<String>, usize)>,
    children: HashSet<String>,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(token, _)| token)
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.peek(ahead) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is(&self, ahead: usize, mark: char) -> bool {
        self.peek(ahead) == Some(&Token::Mark(mark))
    }

    fn read(&mut self) {
        while let Some(token) = self.peek(0).cloned() {
            match token {
                Token::Word(word) if word == "use" => {
                    self.at += 1;
                    if self.peek(0) == Some(&Token::Sep) {
                        self.at += 1;
                    }
                    self.tree(Vec::new());
                }
                Token::Word(word) if word == "mod" && self.word(1).is_some() && self.is(2, '{') => {
                    let mut inner = self.modules.last().unwrap().0.clone();
                    inner.push(self.word(1).unwrap().to_owned());
                    self.modules.push((inner, 0));
                    self.at += 3;
                }
                Token::Word(_) => self.inline_path(),
                Token::Mark('{') => {
                    self.modules.last_mut().unwrap().1 += 1;
                    self.at += 1;
                }
                Token::Mark('}') => {
                    let nested = self.modules.len() > 1;
                    let depth = &mut self.modules.last_mut().unwrap().1;
                    if *depth == 0 && nested {
                        self.modules.pop();
                    } else {
                        *depth = depth.saturating_sub(1);
                    }
                    self.at += 1;
                }
                Token::Sep | Token::Mark(_) => self.at += 1,
            }
        }
    }

    /// `a::b::c` outside a `use`. A path that follows `::` after something else (`<T as X>::y`, `Vec::<T>::new`) has
    /// no first segment here; its rest names no module.
    fn inline_path(&mut self) {
        let line = self.tokens[self.at].1;
        let mut path = Vec::new();
        while let Some(word) = self.word(0).map(str::to_owned) {
            path.push(word);
            self.at += 1;
            if self.peek(0) != Some(&Token::Sep) || self.word(1).is_none() {
                break;
            }
            self.at += 1;
        }
        // A single word is a name or a keyword.
        if path.len() > 1 {
            self.add(path, line);
        }
    }

    /// One branch of a `use` tree: `a::{b, c::*} as d`.
    fn tree(&mut self, mut path: Vec<String>) {
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        loop {
            match self.peek(0).cloned() {
                Some(Token::Word(word)) if word == "as" => {
                    self.at += 2;
                    return self.add(path, line);
                }
                Some(Token::Word(word)) => {
                    if word != "self" || path.is_empty() {
                        path.push(word);
                    }
                    self.at += 1;
                }
                Some(Token::Sep) => self.at += 1,
                Some(Token::Mark('*')) => {
                    path.push("*".into());
                    self.at += 1;
                }
                Some(Token::Mark('{')) => {
                    self.at += 1;
                    while !self.is(0, '}') && self.peek(0).is_some() {
                        self.tree(path.clone());
                        if self.is(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                _ => return self.add(path, line),
            }
        }
    }

    fn add(&mut self, path: Vec<String>, line: usize) {
        let module = &self.modules.last().unwrap().0;
        let Some(first) = path.first() else { return };
        let mut out: Vec<String> = match first.as_str() {
            "crate" | "scanmill" => vec!["crate".into()],
            "self" | "super" => module.clone(),
            child if self.modules.len() == 1 && path.len() > 1 && self.children.contains(child) => {
                [module.clone(), vec![child.into()]].concat()
            }
            outer => vec![outer.into()],
        };
        if first == "super" {
            out.pop();
        }
        for segment in &path[1..] {
            if segment == "super" {
                out.pop();
            } else {
                out.push(segment.clone());
            }
        }
        self.found.push(Named { path: out, line });
    }
}

/// Modules the file declares: `mod sqlite;`.
fn declared_modules(tokens: &[(Token, usize)]) -> HashSet<String> {
    let names = tokens.windows(3).filter_map(|three| match three {
        [(Token::Word(word), _), (Token::Word(name), _), (Token::Mark(';'), _)] if word == "mod" => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// Drops each item behind `#[cfg(test)]`: to the end of its braces, or to its `;`.
fn without_tests(tokens: Vec<(Token, usize)>) -> Vec<(Token, usize)> {
    let attribute: Vec<Token> = ["#", "[", "cfg", "(", "test", ")", "]"]
        .iter()
        .map(|text| match text.chars().next() {
            Some(mark) if !mark.is_alphabetic() => Token::Mark(mark),
            _ => Token::Word((*text).into()),
        })
        .collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tokens[at..].iter().map(|(token, _)| token).take(attribute.len()).eq(attribute.iter());
        if !is_test {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        at += attribute.len();
        while let Some((token, _)) = tokens.get(at) {
            at += 1;
            match token {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => depth -= 1,
                Token::Mark(';') if depth == 0 => break,
                _ => continue,
            }
            if depth == 0 {
                break;
            }
        }
    }
    kept
}

fn tokens(source: &str) -> Vec<(Token, usize)> {
    let text: Vec<char> = source.chars().collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while let Some(&here) = text.get(at) {
        let next = text.get(at + 1).copied().unwrap_or(' ');
        let end = match here {
            '/' if next == '/' => until(&text, at, |rest| rest[0] == '\n'),
            '/' if next == '*' => block_comment(&text, at),
            '"' => string(&text, at),
            // A lifetime has no closing quote right behind its first letter.
            '\'' if next == '\\' => string(&text, at),
            '\'' if text.get(at + 2) == Some(&'\'') => at + 3,
            '\'' => at + 1,
            'r' | 'b' | 'c' if raw_string(&text, at).is_some() => raw_string(&text, at).unwrap(),
            'b' | 'c' if next == '"' => string(&text, at + 1),
            'b' if next == '\'' => string(&text, at + 1),
            _ if is_word(here) => {
                let end = until(&text, at, |rest| !is_word(rest[0]));
                let word: String = text[at..end].iter().collect();
                tokens.push((Token::Word(word), line));
                end
            }
            ':' if next == ':' => {
                tokens.push((Token::Sep, line));
                at + 2
            }
            _ => {
                if !here.is_whitespace() {
                    tokens.push((Token::Mark(here), line));
                }
                at + 1
            }
        };
        line += text[at..end].iter().filter(|&&c| c == '\n').count();
        at = end;
    }
    tokens
}

/// The first place from `at` on where `stop` holds of what follows, or the end.
fn until(text: &[char], at: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (at..text.len()).find(|&place| stop(&text[place..])).unwrap_or(text.len())
}

fn block_comment(text: &[char], at: usize) -> usize {
    let (mut depth, mut place) = (0, at);
    while place < text.len() {
        match (text[place], text.get(place + 1)) {
            ('/', Some('*')) => (depth, place) = (depth + 1, place + 2),
            ('*', Some('/')) => (depth, place) = (depth - 1, place + 2),
            _ => place += 1,
        }
        if depth == 0 {
            break;
        }
    }
    place
}

/// The end of the quoted text whose quote stands at `at`.
fn string(text: &[char], at: usize) -> usize {
    let quote = text[at];
    let mut place = at + 1;
    while place < text.len() && text[place] != quote {
        place += if text[place] == '\\' { 2 } else { 1 };
    }
    (place + 1).min(text.len())
}

/// The end of `r"…"`, `r#"…"#`, `br"…"` at `at`, if one stands there.
fn raw_string(text: &[char], at: usize) -> Option<usize> {
    let r = if text[at] == 'r' { at } else { at + 1 };
    if text.get(r) != Some(&'r') {
        return None;
    }
    let hashes = text[r + 1..].iter().take_while(|&&c| c == '#').count();
    if text.get(r + 1 + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    Some(until(text, r + 2 + hashes, |rest| rest.starts_with(&close)).saturating_add(close.len()).min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str, module: &[&str]) -> Vec<String> {
        named(source, module)
            .into_iter()
            .filter(|named| named.path.len() > 1)
            .map(|named| named.path.join("::"))
            .collect()
    }

    #[test]
    fn use_trees_are_followed() {
        let source =
            "pub use crate::{error::{Error, Result as R}, queue::{self, sqlite::*}, flow};\nuse ::rayon::join;";
        assert_eq!(
            paths(source, &["actors"]),
            [
                "crate::error::Error",
                "crate::error::Result",
                "crate::queue",
                "crate::queue::sqlite::*",
                "crate::flow",
                "rayon::join"
            ]
        );
    }

    #[test]
    fn relative_paths_are_resolved() {
        let source = "use super::Queue; use super::super::store; use self::inner::X; mod inner { use super::super::y; }
            fn f() { super::z(); } mod sqlite; fn g() { sqlite::open() }";
        assert_eq!(
            paths(source, &["queue", "local"]),
            [
                "crate::queue::Queue",
                "crate::store",
                "crate::queue::local::inner::X",
                "crate::queue::y",
                "crate::queue::z",
                "crate::queue::local::sqlite::open"
            ]
        );
    }

    #[test]
    fn inline_paths_are_seen_with_their_lines() {
        let source = "fn f<'a>(x: &'a str) -> crate::error::Result<()> {\n let c = '\\'';\n crate::queue::sqlite::open::<u8>(c)\n}";
        let found: Vec<_> = named(source, &["cli"]).into_iter().map(|n| (n.path.join("::"), n.line)).collect();
        assert_eq!(found, [("crate::error::Result".into(), 1), ("crate::queue::sqlite::open".into(), 3)]);
    }

    #[test]
    fn comments_strings_and_tests_are_left_out() {
        let source = r##"
            //! crate::a::b
            /* crate::a /* crate::b::c */ crate::d::e */
            const A: &str = "crate::f::g \" crate::h::i";
            const B: &str = r#"crate::j::k " crate::l::m"#;
            const C: &[u8] = b"crate::n::o";
            #[cfg(test)]
            mod tests { use crate::p::q; fn f() { if true { crate::r::s() } } }
            #[cfg(test)]
            use crate::t::u;
            use crate::seen::V;
        "##;
        assert_eq!(paths(source, &[]), ["crate::seen::V"]);
    }
}
