//! Commands as text that a person pastes into a shell.

/// The text as one word for bash, zsh and the like. Control characters are written out: a terminal would obey them.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut word = String::from("$'");
    for letter in text.chars() {
        match letter {
            '\\' | '\'' => word.extend(['\\', letter]),
            _ if letter.is_control() => {
                letter.to_string().bytes().for_each(|byte| word.push_str(&format!("\\x{byte:02x}")));
            }
            _ => word.push(letter),
        }
    }
    word + "'"
}
