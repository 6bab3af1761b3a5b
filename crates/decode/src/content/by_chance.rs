//! Text of another set whose bytes happen to be valid UTF-8: one common word of Chinese in fifty (`什么`, `学校`, `一些`) is.
//! As UTF-8 it would be letters of no language: phonetic ones, or of two alphabets side by side.

use encoding_rs::{self as rs, Encoding};

use super::languages::CANDIDATES;

/// Sets of two-byte characters, of which both bytes may lie where UTF-8 has its own.
const SETS: [&Encoding; 4] = [rs::GB18030, rs::BIG5, rs::EUC_KR, rs::EUC_JP];
/// Bits by which the other reading must be the better one. Of the 281,000 most frequent words of 32 languages in UTF-8,
/// capitals too, none is better by more than 1; of the Chinese words three in four are by 4, of the Korean half.
const MARGIN: f32 = 4.0;

/// The set that bytes are more likely text of than of UTF-8, as which they are valid.
pub(super) fn likelier(bytes: &[u8], text: &str) -> Option<&'static Encoding> {
    let as_utf_8 = bits(text)?;
    let others = CANDIDATES.iter().filter(|candidate| SETS.contains(&candidate.table));
    let costs = others.filter_map(|candidate| Some((candidate.table, candidate.cost(bytes)?)));
    let (table, cost) = costs.min_by(|one, other| one.1.total_cmp(&other.1))?;
    (as_utf_8 >= cost + MARGIN).then_some(table)
}

/// What writes a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Hebrew,
    Arabic,
    Syriac,
    Thaana,
    Nko,
    /// Of no language's everyday writing: phonetic letters, accents that stand alone, the rest.
    Rare,
}

/// Script and bits of a letter by itself.
fn letter(letter: char) -> (Script, f32) {
    match u32::from(letter) {
        0xa0..=0xbf | 0xd7 | 0xf7 => (Script::Latin, 9.0),
        // With the two of Vietnamese.
        0xc0..=0x17f | 0x1a0 | 0x1a1 | 0x1af | 0x1b0 => (Script::Latin, 8.0),
        0x180..=0x24f => (Script::Latin, 12.0),
        0x386..=0x3ce => (Script::Greek, 6.5),
        0x401
        | 0x404
        | 0x406
        | 0x407
        | 0x40e
        | 0x410..=0x44f
        | 0x451
        | 0x454
        | 0x456
        | 0x457
        | 0x45e
        | 0x490
        | 0x491 => (Script::Cyrillic, 6.0),
        0x400..=0x45f => (Script::Cyrillic, 8.0),
        0x460..=0x52f => (Script::Cyrillic, 11.0),
        0x531..=0x58f => (Script::Armenian, 6.5),
        0x5b0..=0x5f4 => (Script::Hebrew, 6.0),
        0x60c..=0x6f9 => (Script::Arabic, 7.0),
        0x700..=0x74f => (Script::Syriac, 7.0),
        0x780..=0x7b1 => (Script::Thaana, 7.0),
        0x7c0..=0x7fa => (Script::Nko, 7.0),
        _ => (Script::Rare, 15.0),
    }
}

/// Bits of a text as UTF-8 of two bytes a character; `None` where it has others, or too few to tell.
fn bits(text: &str) -> Option<f32> {
    let letters: Vec<char> = text.chars().collect();
    let count = letters.iter().filter(|letter| !letter.is_ascii()).count();
    if count < 2 || letters.iter().any(|letter| letter.len_utf8() > 2) {
        return None;
    }
    let mut bits = 0.0;
    let mut before: Option<Script> = None;
    for (place, &one) in letters.iter().enumerate() {
        if one.is_ascii() {
            bits += 5.0;
            before = one.is_ascii_alphabetic().then_some(Script::Latin);
            continue;
        }
        // An accent belongs to the letter before it, as in names of files of macOS.
        if ('\u{300}'..='\u{36f}').contains(&one) && before.is_some() {
            bits += 8.0;
            continue;
        }
        let (script, own) = letter(one);
        bits += own;
        // Accented letters are among plain ones, or at least among others that are common.
        if script == Script::Latin && one >= '\u{c0}' && one.is_alphabetic() {
            let others = [place.checked_sub(1), place.checked_add(1)].map(|place| letters.get(place?));
            let is_beside = |is: fn(&char) -> bool| others.into_iter().flatten().any(is);
            bits += match () {
                () if is_beside(char::is_ascii_alphabetic) => 0.0,
                () if is_beside(|other| ('\u{c0}'..='\u{17f}').contains(other)) => 1.5,
                () => 5.0,
            };
        }
        // Macedonian sets `нè` and `сè` apart by an accent.
        let is_stressed = matches!(one, 'È' | 'É' | 'è' | 'é') && before == Some(Script::Cyrillic);
        if before.is_some_and(|before| before != script) && !is_stressed {
            bits += 10.0;
        }
        // `һЩ`: words begin with a capital, and hold none behind a small letter.
        let is_behind_small =
            place.checked_sub(1).and_then(|place| letters.get(place)).is_some_and(|one| one.is_lowercase());
        if one.is_uppercase() && is_behind_small {
            bits += 5.0;
        }
        before = Some(script);
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::super::guess::Guess;
    use super::super::guess_words::LANGUAGES;
    use super::*;

    fn guessed(bytes: &[u8]) -> (String, String) {
        Guess::of(bytes, false).decode(bytes)
    }

    #[test]
    fn common_words_that_are_valid_utf_8_by_chance_are_read() {
        let chinese = "什么 同时 一些 为什么 系统 一直 目前 学习 专业 之前 小时 只要 图片 之一 医院 一位 学院 农业 实施 唯一 统一 小说 水平 食品";
        let korean = "회화 호칭 호환 철회 카트 키트 표창 환호 특화 치타";
        for (words, table) in [(chinese, rs::GB18030), (korean, rs::EUC_KR)] {
            for word in words.split(' ') {
                let bytes = table.encode(word).0;
                assert!(std::str::from_utf8(&bytes).is_ok(), "{word}");
                let label = format!("guess:{}|utf-8", table.name().to_ascii_lowercase());
                assert_eq!(guessed(&bytes), (word.to_owned(), label));
            }
        }
    }

    #[test]
    fn utf_8_of_every_language_stays() {
        let more = "üçü ươi ương нè šī ää öö üç þó ııı šį þá þú ååå ķīmija mūšį šíří şığı ǎ é è ñ ð ½ ¼ °C €5 £20 «да» №5 ±5 × ÷ §1 ªº ©® \
                    қазақша ђак љубав њен ѕвезда өмнөх үгүй ґанок Հայաստան שָׁלוֹם ایران ۱۴۰۳ پاکستان ܫܠܡܐ ދިވެހި ߒߞߏ ė̃ café naïve łódź ĉiuj \
                    ə əlaqə ŋ ẽ ć đ ő ű ÿ œ æ ø Ø Å Ä Ö Ü ß";
        let words =
            LANGUAGES.iter().flat_map(|language| language.words.split_whitespace()).chain(more.split_whitespace());
        let mut tried = 0;
        for word in words.filter(|word| !word.is_ascii()) {
            let decomposed = "e\u{301}te\u{301} a\u{308}o\u{308}";
            for text in [
                word,
                &word.to_uppercase(),
                &format!("{word} {word} {word}"),
                &format!("https://x.de/{word}"),
                &format!("{word}, {word}!"),
                decomposed,
            ] {
                let (read, label) = guessed(text.as_bytes());
                assert!(read == text && matches!(&*label, "utf-8" | "ascii"), "{text}: {read} {label}");
                tried += 1;
            }
        }
        assert!(tried > 5_000, "{tried}");
    }
}
