//! What bytes cost in bits as text of a language: how unusual its characters are, and their company.
//!
//! Letters are judged by their neighbours (`letters`, with a language's counts in `latin` and `alphabets`), East Asian
//! characters by how common they are (`wide`, `common`). Codes hold a few words, so a rule must tell from two or three
//! characters. The costs were set by texts made of real words (`guess_words`) and checked on others: lists of the most
//! frequent words of 27 languages, in capitals too, and between ASCII.

mod alphabets;
mod common;
mod common_words;
mod latin;
mod letters;
mod wide;
mod words;

use std::sync::LazyLock;

use encoding_rs::{self as rs, Encoding};

use self::letters::{Casing, Language, Model};
use self::wide::Wide;
use self::words::Words;

/// What a set's languages write.
enum Letters {
    Wide(Wide),
    Narrow(Model),
}

/// A language as a set writes it.
struct Script {
    letters: Letters,
    words: Option<Words>,
}

/// A character set in question.
pub(super) struct CharsetCandidate {
    /// Its table.
    pub table: &'static Encoding,
    scripts: Vec<Script>,
    /// How much less likely it is than the standard's default before anything is read, in bits.
    rarity: f32,
    /// What the vote of a detector made for web pages is worth, in bits.
    pub vote: f32,
}

/// The sets that codes without a designation are found in. Each ISO part is beside the Windows code page that differs
/// from it.
pub(super) static CANDIDATES: LazyLock<Vec<CharsetCandidate>> = LazyLock::new(|| {
    let latin = |languages: &[&Language], marks: &'static str| -> Vec<Script> {
        let model = |language: &&Language| Letters::Narrow(Model::new(language, Casing::Latin, marks));
        languages.iter().map(|language| Script { letters: model(language), words: None }).collect()
    };
    let alphabets = |languages: &[(&Language, Option<&'static str>)], marks: &'static str| -> Vec<Script> {
        let script = |(language, words): &(&Language, Option<&'static str>)| Script {
            letters: Letters::Narrow(Model::new(language, Casing::Alphabet, marks)),
            words: words.map(|words| Words::new(words, true)),
        };
        languages.iter().map(script).collect()
    };
    let half_width = || Script {
        letters: Letters::Narrow(Model::new(&alphabets::HALF_WIDTH, Casing::HalfWidth, "｡｢｣､･")),
        words: None,
    };
    let wide = |script: Wide, words: &'static str| Script {
        letters: Letters::Wide(script),
        words: Some(Words::new(words, false)),
    };
    let candidate = |table, scripts, rarity, vote| CharsetCandidate { table, scripts, rarity, vote };
    let western = [
        &latin::GERMAN,
        &latin::FRENCH,
        &latin::SPANISH,
        &latin::PORTUGUESE,
        &latin::ITALIAN,
        &latin::SWEDISH,
        &latin::FINNISH,
        &latin::DANISH,
        &latin::NORWEGIAN,
        &latin::DUTCH,
        &latin::ICELANDIC,
        &latin::CATALAN,
    ];
    let central = [
        &latin::POLISH,
        &latin::CZECH,
        &latin::SLOVAK,
        &latin::HUNGARIAN,
        &latin::ROMANIAN,
        &latin::CROATIAN,
        &latin::SLOVENIAN,
    ];
    let russian = (&alphabets::RUSSIAN, Some(common_words::RUSSIAN));
    let ukrainian = (&alphabets::UKRAINIAN, Some(common_words::UKRAINIAN));
    let bulgarian = (&alphabets::BULGARIAN, Some(common_words::BULGARIAN));
    let serbian = (&alphabets::SERBIAN, Some(common_words::SERBIAN));
    let cyrillic = [russian, ukrainian, bulgarian, serbian];
    let greek = [(&alphabets::GREEK, Some(common_words::GREEK))];
    let hebrew = [(&alphabets::HEBREW, Some(common_words::HEBREW))];
    let arabic = [(&alphabets::ARABIC, Some(common_words::ARABIC))];
    let cyrillic_marks = "№«»–—“”…°©ўѓќ";
    vec![
        candidate(rs::WINDOWS_1252, latin(&western, "°£§©€½«»¿¡•·™®„²×º\u{a0}"), 0.0, 3.0),
        candidate(rs::SHIFT_JIS, vec![wide(Wide::Japanese, common_words::JAPANESE), half_width()], 0.0, 0.0),
        candidate(rs::EUC_JP, vec![wide(Wide::Japanese, common_words::JAPANESE)], 5.0, 0.0),
        candidate(rs::GB18030, vec![wide(Wide::Simplified, common_words::SIMPLIFIED)], 1.0, 0.0),
        candidate(rs::BIG5, vec![wide(Wide::Traditional, common_words::TRADITIONAL)], 2.5, 3.0),
        candidate(rs::EUC_KR, vec![wide(Wide::Korean, common_words::KOREAN)], 2.5, 0.0),
        candidate(rs::WINDOWS_1251, alphabets(&cyrillic, cyrillic_marks), 2.5, 4.0),
        candidate(rs::KOI8_R, alphabets(&[russian], "©°"), 7.0, 4.0),
        candidate(rs::KOI8_U, alphabets(&[ukrainian], "©°"), 7.5, 4.0),
        candidate(rs::ISO_8859_5, alphabets(&cyrillic, "№§\u{a0}"), 8.5, 4.0),
        candidate(rs::IBM866, alphabets(&cyrillic, "№°\u{a0}"), 11.0, 4.0),
        candidate(rs::WINDOWS_1250, latin(&central, "°§©€«»•·™®„\u{a0}"), 2.5, 0.0),
        candidate(rs::ISO_8859_2, latin(&central, "°§\u{a0}"), 2.8, 0.0),
        candidate(
            rs::WINDOWS_1257,
            latin(&[&latin::LITHUANIAN, &latin::LATVIAN, &latin::ESTONIAN], "°§©€«»•·™®„\u{a0}"),
            8.0,
            2.0,
        ),
        candidate(rs::WINDOWS_1254, latin(&[&latin::TURKISH], "°€«»•·™®\u{a0}"), 2.0, 3.0),
        candidate(rs::WINDOWS_1253, alphabets(&greek, "«»–’…°©€"), 0.5, 7.0),
        candidate(rs::ISO_8859_7, alphabets(&greek, "«»°©"), 0.7, 7.0),
        candidate(rs::WINDOWS_1255, alphabets(&hebrew, "–“”₪"), 3.5, 2.5),
        candidate(rs::WINDOWS_1256, alphabets(&arabic, "،؟؛پچژگ"), 3.0, 3.0),
        candidate(rs::ISO_8859_6, alphabets(&arabic, "،؟؛"), 10.0, 3.0),
        candidate(rs::WINDOWS_874, alphabets(&[(&alphabets::THAI, None)], "๐๑๒๓๔๕๖๗๘๙ฯๆ฿"), 2.0, 6.0),
    ]
});

/// Bits of an ASCII character, in any language.
const ASCII: f32 = 5.0;
/// Characters that are looked at: more say nothing new.
const MOST: usize = 200;

impl CharsetCandidate {
    /// What the bytes cost as text of this set's likeliest language; `None` where they are not plain text in it.
    pub(super) fn cost(&self, bytes: &[u8]) -> Option<f32> {
        let text = self.table.decode_without_bom_handling_and_without_replacement(bytes)?;
        let is_plain =
            |letter: char| letter.is_ascii() || !letter.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&letter);
        if !text.chars().all(is_plain) {
            return None;
        }
        Some(self.rarity + self.cost_of_text(&text))
    }

    /// What a text costs in this set's likeliest language.
    fn cost_of_text(&self, text: &str) -> f32 {
        let costs = self.scripts.iter().map(|script| self.cost_in(script, text));
        costs.min_by(f32::total_cmp).unwrap_or(f32::INFINITY)
    }

    fn cost_in(&self, script: &Script, text: &str) -> f32 {
        let letters: Vec<char> = text.chars().take(MOST).collect();
        let bits = letters.iter().enumerate().map(|(place, &letter)| {
            let before = place.checked_sub(1).and_then(|place| letters.get(place)).copied();
            let after = letters.get(place + 1).copied();
            match &script.letters {
                Letters::Wide(wide) => wide.bits(self.table, letter, before, after),
                Letters::Narrow(model) => model.bits(letter, before, after),
            }
        });
        let bits: Vec<f32> = bits.collect();
        match &script.words {
            Some(words) => words.cost(&letters, &bits),
            None => bits.iter().sum(),
        }
    }
}
