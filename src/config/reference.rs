//! The commented configuration file: every key with its default, unit, range and environment variable.

use super::keys::{SECTIONS, Section};

const HEAD: &str = "\
# scanmill's configuration: every key with its default. A line that starts with `#` and a key is that key's default;
# take the `#` away and change it. The same keys can be set
#   in the environment, like SCANMILL_BATCH_MAX_ROWS=100, which overrides this file, and
#   on the command line, like --set batch.max_rows=100, which overrides both.
# SIGHUP has a working engine read this file again; its log says which changed keys wait for a restart.
# Check a changed file with: scanmill check --config FILE
# `scanmill check --defaults` prints this file.
";

/// Longest comment line in characters.
const WIDTH: usize = 118;

/// `config/local.toml`, made from the table of keys.
pub fn commented() -> String {
    let mut text = String::from(HEAD);
    for Section { name, about, keys } in SECTIONS {
        text.push('\n');
        wrap(about, &mut text);
        text.push_str(&format!("[{name}]\n"));
        for key in *keys {
            wrap(key.doc, &mut text);
            let range = key.range().map(|range| format!(", {range}")).unwrap_or_default();
            text.push_str(&format!("# Unit: {}{range}. Environment: {}\n", key.unit, key.variable()));
            text.push_str(&format!("#{} = {}\n", key.name, key.default_toml()));
        }
    }
    text
}

fn wrap(doc: &str, text: &mut String) {
    let mut line = String::from("#");
    for word in doc.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
