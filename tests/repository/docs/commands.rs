//! Commands in the pages are ones that scanmill takes.

use clap::{Command, CommandFactory, Parser};
use scanmill::cli::Cli;

use super::pages;

/// The words of each call of scanmill in a shell block: continued lines joined, comments cut, split where the shell
/// starts another command. Quotes only group words here.
fn calls(block: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for line in block.replace("\\\n", " ").lines() {
        for words in commands_of(line) {
            let start = words.iter().position(|word| !is_assignment(word));
            if let Some(start) = start.filter(|&start| program(&words[start])) {
                calls.push(words[start..].to_vec());
            }
        }
    }
    calls
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
    })
}

fn program(word: &str) -> bool {
    matches!(word, "scanmill" | "target/release/scanmill" | "./target/release/scanmill")
}

fn commands_of(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote) = (String::new(), None);
    let mut letters = line.chars().peekable();
    let end = |word: &mut String, commands: &mut Vec<Vec<String>>| {
        if !word.is_empty() {
            commands.last_mut().expect("never empty").push(std::mem::take(word));
        }
    };
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '\'' | '"') => quote = Some(letter),
            (None, '#') if word.is_empty() => break,
            (None, '&' | '|' | ';' | '(' | ')') => {
                end(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            // What is redirected is not an argument.
            (None, '<' | '>') => {
                end(&mut word, &mut commands);
                while letters.peek().is_some_and(|next| *next == ' ' || *next == '>') {
                    letters.next();
                }
                while letters.peek().is_some_and(|next| *next != ' ') {
                    letters.next();
                }
            }
            (None, ' ' | '\t') => end(&mut word, &mut commands),
            (None, _) => word.push(letter),
        }
    }
    end(&mut word, &mut commands);
    commands
}

#[test]
fn those_in_blocks_are_taken_by_the_binary() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for page in pages::all() {
        for call in page.blocks("sh").iter().flat_map(|block| calls(block)) {
            tried += 1;
            if let Err(error) = Cli::try_parse_from(&call) {
                wrong.push(format!("{}: {}\n{error}", page.path.display(), call.join(" ")));
            }
        }
    }
    assert!(tried > 10, "only {tried} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In a sentence a command may be cut short or have a word for a value, so only its name and its flags are looked at.
#[test]
fn those_in_sentences_have_a_name_and_flags_that_exist() {
    let mut root = Cli::command();
    root.build();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for page in pages::all() {
        let prose = page.prose();
        for code in prose.split('`').skip(1).step_by(2) {
            let Some(words) = code.strip_prefix("scanmill ").map(|rest| rest.split_whitespace().collect::<Vec<_>>())
            else {
                continue;
            };
            tried += 1;
            if let Some(what) = unknown(&root, &words) {
                wrong.push(format!("{}: `{code}`: {what}", page.path.display()));
            }
        }
    }
    assert!(tried > 10, "only {tried} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first word that names nothing.
fn unknown<'a>(root: &Command, words: &[&'a str]) -> Option<&'a str> {
    let mut command = root;
    for (place, word) in words.iter().copied().enumerate() {
        if let Some(flag) = word.strip_prefix("--") {
            let name = flag.split('=').next().unwrap_or(flag);
            let known = command.get_arguments().any(|arg| arg.get_long() == Some(name)) || name == "help";
            if !known {
                return Some(word);
            }
        } else if let Some(below) = command.find_subcommand(word) {
            command = below;
        } else if place == 0 && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') {
            return Some(word);
        }
    }
    None
}
