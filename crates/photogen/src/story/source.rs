//! Where a story comes from: the text it is written in, carried along so that any worker anywhere tells the same one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use scanmill_core::domain::photo::hash_128;
use scanmill_core::error::{Error, Result};

/// The language a story is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Our own, see `config/story.toml`.
    Toml,
    /// The rule language of the application that this one replaces.
    Original,
}

/// A story as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorySource {
    /// Its name: of a built-in story, or the file's without its ending.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// The whole text.
    pub text: String,
}

/// Built-in stories by name; the first is the default.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("story", include_str!("../../../../config/story.toml")),
    ("product-launch", include_str!("../../../../config/stories/product-launch.toml")),
    ("retail-year", include_str!("../../../../config/stories/retail-year.toml")),
    ("counterfeit-outbreak", include_str!("../../../../config/stories/counterfeit-outbreak.toml")),
];

impl Default for StorySource {
    fn default() -> Self {
        let (name, text) = BUILT_IN[0];
        Self { name: name.to_owned(), language: Language::Toml, text: text.to_owned() }
    }
}

impl StorySource {
    /// The built-in story of this name, else the file of this name. A file that ends in `.json` is in the original's
    /// language.
    ///
    /// # Errors
    /// Neither is there.
    pub fn find(name_or_file: &str) -> Result<Self> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            return Ok(Self { name: (*name).to_owned(), language: Language::Toml, text: (*text).to_owned() });
        }
        let path = Path::new(name_or_file);
        let text = std::fs::read_to_string(path).map_err(|error| {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            Error::io("cannot read the story", path, error).with_hint(format!("a file, or one of {}", names.join(", ")))
        })?;
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let name = path.file_stem().map_or_else(|| name_or_file.to_owned(), |stem| stem.to_string_lossy().into_owned());
        Ok(Self { name, language: if is_json { Language::Original } else { Language::Toml }, text })
    }

    /// A few letters that tell this text from any other; part of the photos' keys.
    pub fn tag(&self) -> String {
        hash_128(&[&self.text])[..8].to_owned()
    }
}
