//! What bytes cost in bits as text of a language: how unusual its characters are, and their company.
//!
//! Letters are judged by their neighbours (`letters`, with a language's counts in `latin` and `alphabets`), East Asian
//! characters by how common they are (`wide`, `common`). Codes hold a few words, so a rule must tell from two or three
//! characters. The costs were set by texts made of real words (`guess_words`) and checked on others: lists of the most
//! frequent words of 27 languages, in capitals too, and between ASCII.

mod alphabets;
mod common;
mod latin;
mod letters;
mod wide;

use std::sync::LazyLock;

use encoding_rs::{self as rs, Encoding};

use self::letters::{Kind, Language, Model};
use self::wide::Wide;

/// What a set's languages write.
enum Script {
    Wide(Wide),
    Letters(Model),
}

/// A character set in question.
pub(super) struct Candidate {
    /// Its table.
    pub table: &'static Encoding,
    scripts: Vec<Script>,
    /// How much less likely it is than the standard's default before anything is read, in bits.
    rarity: f32,
    /// What the vote of a detector made for web pages is worth, in bits.
    pub vote: f32,
}

/// The sets that codes without a designation are found in. Each ISO part stands beside the Windows code page that differs
/// from it.
pub(super) static CANDIDATES: LazyLock<Vec<Candidate>> = LazyLock::new(|| {
    let latin = |languages: &[&Language], marks: &'static str| -> Vec<Script> {
        languages.iter().map(|language| Script::Letters(Model::new(language, Kind::Latin, marks))).collect()
    };
    let alphabets = |languages: &[&Language], marks: &'static str| -> Vec<Script> {
        languages.iter().map(|language| Script::Letters(Model::new(language, Kind::Alphabet, marks))).collect()
    };
    let half_width = || Script::Letters(Model::new(&alphabets::HALF_WIDTH, Kind::HalfWidth, "｡｢｣､･"));
    let wide = |script: Wide| vec![Script::Wide(script)];
    let candidate = |table, scripts, rarity, vote| Candidate { table, scripts, rarity, vote };
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
    let cyrillic = [&alphabets::RUSSIAN, &alphabets::UKRAINIAN, &alphabets::BULGARIAN, &alphabets::SERBIAN];
    let cyrillic_marks = "№«»–—“”…°©ўѓќ";
    vec![
        candidate(rs::WINDOWS_1252, latin(&western, "°£§©€½«»¿¡•·™®„²×º\u{a0}"), 0.0, 3.0),
        candidate(rs::SHIFT_JIS, vec![Script::Wide(Wide::Japanese), half_width()], 0.0, 0.0),
        candidate(rs::EUC_JP, wide(Wide::Japanese), 5.0, 0.0),
        candidate(rs::GB18030, wide(Wide::Simplified), 1.0, 0.0),
        candidate(rs::BIG5, wide(Wide::Traditional), 2.5, 3.0),
        candidate(rs::EUC_KR, wide(Wide::Korean), 3.0, 0.0),
        candidate(rs::WINDOWS_1251, alphabets(&cyrillic, cyrillic_marks), 2.5, 4.0),
        candidate(rs::KOI8_R, alphabets(&[&alphabets::RUSSIAN], "©°"), 7.0, 0.0),
        candidate(rs::KOI8_U, alphabets(&[&alphabets::UKRAINIAN], "©°"), 7.5, 0.0),
        candidate(rs::WINDOWS_1250, latin(&central, "°§©€«»•·™®„\u{a0}"), 2.5, 0.0),
        candidate(rs::ISO_8859_2, latin(&central, "°§\u{a0}"), 2.8, 0.0),
        candidate(rs::WINDOWS_1254, latin(&[&latin::TURKISH], "°€«»•·™®\u{a0}"), 2.0, 3.0),
        candidate(rs::WINDOWS_1253, alphabets(&[&alphabets::GREEK], "«»–’…°©€"), 0.5, 7.0),
        candidate(rs::ISO_8859_7, alphabets(&[&alphabets::GREEK], "«»°©"), 0.7, 7.0),
        candidate(rs::WINDOWS_1255, alphabets(&[&alphabets::HEBREW], "–“”₪"), 3.5, 2.5),
        candidate(rs::WINDOWS_1256, alphabets(&[&alphabets::ARABIC], "،؟؛پچژگ"), 3.0, 3.0),
        candidate(rs::WINDOWS_874, alphabets(&[&alphabets::THAI], "๐๑๒๓๔๕๖๗๘๙ฯๆ฿"), 2.0, 6.0),
    ]
});

/// Bits of an ASCII character, in any language.
const ASCII: f32 = 5.0;
/// Characters that are looked at: more say nothing new.
const MOST: usize = 200;

impl Candidate {
    /// What the bytes cost as text of this set's likeliest language; `None` where they are not plain text in it.
    pub(super) fn cost(&self, bytes: &[u8]) -> Option<f32> {
        let text = self.table.decode_without_bom_handling_and_without_replacement(bytes)?;
        let is_plain =
            |letter: char| letter.is_ascii() || !letter.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&letter);
        if !text.chars().all(is_plain) {
            return None;
        }
        let letters: Vec<char> = text.chars().take(MOST).collect();
        let costs = self.scripts.iter().map(|script| {
            let bits = letters.iter().enumerate().map(|(place, &letter)| {
                let before = place.checked_sub(1).and_then(|place| letters.get(place)).copied();
                let after = letters.get(place + 1).copied();
                match script {
                    Script::Wide(wide) => wide.bits(self.table, letter, before, after),
                    Script::Letters(model) => model.bits(letter, before, after),
                }
            });
            self.rarity + bits.sum::<f32>()
        });
        costs.min_by(f32::total_cmp)
    }
}
