//! GS1 element strings: application identifiers (AI) each followed by its value, as a GS1 QR code holds them.
//!
//! Elements stand one after the other. Those whose AI begins with two digits of `PREDEFINED` have a length that every
//! reader knows; all others end at a separator (GS, which FNC1 stands for) or at the end. A separator behind an
//! element that needs none is allowed.

use super::gs1::{PrimaryKey, key};
use super::gtin::gtin_14;

/// Separator between elements.
const GS: char = '\u{1d}';

/// One element, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Application identifier, two to four digits.
    pub ai: &'a str,
    /// Value.
    pub value: &'a str,
}

/// Length of AI and value together, by the first two digits of the AI (General Specifications, figure 7.8.5-2). This is
/// fixed for all time, whatever AIs are added.
const PREDEFINED: &[(&str, usize)] = &[
    ("00", 20),
    ("01", 16),
    ("02", 16),
    ("03", 16),
    ("04", 18),
    ("11", 8),
    ("12", 8),
    ("13", 8),
    ("14", 8),
    ("15", 8),
    ("16", 8),
    ("17", 8),
    ("18", 8),
    ("19", 8),
    ("20", 4),
    ("31", 10),
    ("32", 10),
    ("33", 10),
    ("34", 10),
    ("35", 10),
    ("36", 10),
    ("41", 16),
];

/// What may be behind an AI: so many digits, then up to so many characters, the first of which may be missing.
struct ElementForm {
    /// The AI; a `#` is any digit.
    ai: &'static str,
    digits: usize,
    least: usize,
    most: usize,
}

const fn digits(ai: &'static str, digits: usize) -> ElementForm {
    ElementForm { ai, digits, least: 0, most: 0 }
}

const fn up_to(ai: &'static str, most: usize) -> ElementForm {
    ElementForm { ai, digits: 0, least: 1, most }
}

const fn form(ai: &'static str, digits: usize, least: usize, most: usize) -> ElementForm {
    ElementForm { ai, digits, least, most }
}

/// Every AI (General Specifications, figure 3.2-1). Those that hold numbers of a variable length are taken as text.
const FORMS: &[ElementForm] = &[
    digits("00", 18),
    digits("01", 14),
    digits("02", 14),
    digits("03", 14),
    digits("04", 16),
    up_to("10", 20),
    digits("11", 6),
    digits("12", 6),
    digits("13", 6),
    digits("15", 6),
    digits("16", 6),
    digits("17", 6),
    digits("20", 2),
    up_to("21", 20),
    up_to("22", 20),
    up_to("235", 28),
    up_to("240", 30),
    up_to("241", 30),
    up_to("242", 6),
    up_to("243", 20),
    up_to("250", 30),
    up_to("251", 30),
    form("253", 13, 0, 17),
    up_to("254", 20),
    form("255", 13, 0, 12),
    up_to("30", 8),
    digits("31##", 6),
    digits("32##", 6),
    digits("33##", 6),
    digits("34##", 6),
    digits("35##", 6),
    digits("36##", 6),
    up_to("37", 8),
    up_to("390#", 15),
    form("391#", 3, 1, 15),
    up_to("392#", 15),
    form("393#", 3, 1, 15),
    digits("394#", 4),
    digits("395#", 6),
    up_to("400", 30),
    up_to("401", 30),
    digits("402", 17),
    up_to("403", 30),
    digits("410", 13),
    digits("411", 13),
    digits("412", 13),
    digits("413", 13),
    digits("414", 13),
    digits("415", 13),
    digits("416", 13),
    digits("417", 13),
    up_to("420", 20),
    form("421", 3, 1, 9),
    digits("422", 3),
    form("423", 3, 0, 12),
    digits("424", 3),
    form("425", 3, 0, 12),
    digits("426", 3),
    up_to("427", 3),
    up_to("430#", 70),
    up_to("431#", 70),
    up_to("432#", 20),
    up_to("433#", 7),
    digits("7001", 13),
    up_to("7002", 30),
    digits("7003", 10),
    up_to("7004", 4),
    up_to("7005", 12),
    digits("7006", 6),
    form("7007", 6, 0, 6),
    up_to("7008", 3),
    up_to("7009", 10),
    up_to("7010", 2),
    form("7011", 6, 0, 4),
    up_to("702#", 30),
    form("703#", 3, 1, 27),
    up_to("704#", 4),
    digits("7241", 2),
    up_to("7240", 20),
    up_to("7242", 25),
    digits("7250", 8),
    digits("7251", 12),
    digits("7252", 1),
    up_to("725#", 40),
    up_to("723#", 30),
    up_to("710", 20),
    up_to("711", 20),
    up_to("712", 20),
    up_to("713", 20),
    up_to("714", 20),
    up_to("715", 20),
    up_to("716", 20),
    up_to("717", 20),
    digits("8001", 14),
    up_to("8002", 20),
    form("8003", 14, 0, 16),
    up_to("8004", 30),
    digits("8005", 6),
    digits("8006", 18),
    up_to("8007", 34),
    form("8008", 8, 0, 4),
    up_to("8009", 50),
    up_to("8010", 30),
    up_to("8011", 12),
    up_to("8012", 20),
    up_to("8013", 25),
    up_to("8014", 25),
    digits("8017", 18),
    digits("8018", 18),
    up_to("8019", 10),
    up_to("8020", 25),
    digits("8026", 18),
    up_to("8030", 90),
    up_to("8110", 70),
    digits("8111", 4),
    up_to("8112", 70),
    up_to("8200", 70),
    up_to("90", 30),
    up_to("91", 90),
    up_to("92", 90),
    up_to("93", 90),
    up_to("94", 90),
    up_to("95", 90),
    up_to("96", 90),
    up_to("97", 90),
    up_to("98", 90),
    up_to("99", 90),
];

impl ElementForm {
    /// Whether the text begins with this AI.
    fn begins(&self, text: &str) -> bool {
        let fits = |(place, read): (u8, u8)| place == read || (place == b'#' && read.is_ascii_digit());
        text.len() >= self.ai.len() && self.ai.bytes().zip(text.bytes()).all(fits)
    }

    fn holds(&self, value: &str) -> bool {
        let Some((number, rest)) = value.split_at_checked(self.digits) else { return false };
        number.bytes().all(|byte| byte.is_ascii_digit())
            && (self.least..=self.most).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

/// The elements of a text (without FNC1 in front or its symbology identifier), up to the first that is not sound. The
/// second value tells whether that was all of it.
pub fn elements(text: &str) -> (Vec<Element<'_>>, bool) {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(GS);
    while !rest.is_empty() {
        let Some((element, behind)) = element(rest) else { return (found, false) };
        found.push(element);
        rest = behind.strip_prefix(GS).unwrap_or(behind);
    }
    let is_whole = !found.is_empty();
    (found, is_whole)
}

/// The element in front, and what is behind it.
fn element(text: &str) -> Option<(Element<'_>, &str)> {
    let form = FORMS.iter().find(|form| form.begins(text))?;
    let predefined = PREDEFINED.iter().find(|(start, _)| text.starts_with(start));
    let end = predefined.map_or_else(|| text.find(GS).unwrap_or(text.len()), |(_, length)| *length);
    let (whole, behind) = text.split_at_checked(end)?;
    let (ai, value) = whole.split_at_checked(form.ai.len())?;
    form.holds(value).then_some((Element { ai, value }, behind))
}

/// The key that names the product: a trade item's GTIN wherever it is, else that of the contents or parts, else
/// the first other primary key, be its check digit right or not.
pub fn product_key(elements: &[Element<'_>]) -> Option<PrimaryKey> {
    for (ai, is_itip) in [("01", false), ("03", false), ("02", false), ("8006", true), ("8026", true)] {
        for element in elements.iter().filter(|element| element.ai == ai) {
            let number = if is_itip { element.value.get(..14) } else { Some(element.value) };
            if let Some(gtin) = number.and_then(gtin_14) {
                return Some(PrimaryKey { value: element.value.to_owned(), gtin: Some(gtin), is_right: true });
            }
        }
    }
    elements.iter().find_map(|element| key(element.ai, element.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_parted_by_length_or_separator() {
        for (text, expected) in [
            ("0109506000134352", "01=09506000134352"),
            ("010950600013435210ABC\u{1d}21S/7", "01=09506000134352 10=ABC 21=S/7"),
            ("10ABC\u{1d}0109506000134352", "10=ABC 01=09506000134352"),
            ("17261231\u{1d}0109506000134352", "17=261231 01=09506000134352"),
            ("1726123130500\u{1d}3103001250392112.50\u{1d}01", "17=261231 30=500 3103=001250 3921=12.50 …"),
            ("\u{1d}0109506000134352\u{1d}", "01=09506000134352"),
            ("00106141412345678908", "00=106141412345678908"),
            ("4149521321000019254A1", "414=9521321000019 254=A1"),
            ("39132801050\u{1d}8008260131235959", "3913=2801050 8008=260131235959"),
            ("8200https://shop.example/p?1", "8200=https://shop.example/p?1"),
            ("91anything\u{1d}99\u{1d}", "91=anything …"),
            ("010950600013435", "…"),
            ("01095060001343AB", "…"),
            ("0109506000134352ABC", "01=09506000134352 …"),
            ("10TWENTY-ONE-CHARACTERS", "…"),
            ("10é", "…"),
            ("5812345", "…"),
            ("14260101", "…"),
            ("", "…"),
            ("https://shop.example", "…"),
        ] {
            let (found, is_whole) = elements(text);
            let mut said: Vec<String> = found.iter().map(|found| format!("{}={}", found.ai, found.value)).collect();
            if !is_whole {
                said.push("…".to_owned());
            }
            assert_eq!(said.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn the_gtin_is_found_wherever_it_stands() {
        for (text, value, gtin) in [
            ("0109506000134352", "09506000134352", Some("09506000134352")),
            ("10A\u{1d}21B\u{1d}172612310109506000134352", "09506000134352", Some("09506000134352")),
            ("0209506000134352\u{1d}3712", "09506000134352", Some("09506000134352")),
            ("001061414123456789080209506000134352", "09506000134352", Some("09506000134352")),
            ("8006095060001343520102", "095060001343520102", Some("09506000134352")),
            ("0109506000134353", "09506000134353", None),
            ("01095060001343530209506000134352", "09506000134352", Some("09506000134352")),
            ("10A\u{1d}8004950600ABC", "950600ABC", None),
        ] {
            let (found, _) = elements(text);
            let key = product_key(&found).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((key.value.as_str(), key.gtin.as_deref()), (value, gtin), "{text}");
        }
        assert_eq!(product_key(&elements("10ABC\u{1d}17261231").0), None);
    }

    #[test]
    fn every_predefined_length_agrees_with_its_form() {
        for form in FORMS {
            let predefined = PREDEFINED.iter().find(|(start, _)| form.ai.starts_with(start));
            if let Some((_, length)) = predefined {
                assert_eq!((form.ai.len() + form.digits, form.most), (*length, 0), "{}", form.ai);
            }
        }
    }

    proptest! {
        /// Any sound elements in any order come back, whatever separators are behind those that need none.
        #[test]
        fn what_is_written_is_read(
            picks in prop::collection::vec((0..FORMS.len(), any::<prop::sample::Index>(), any::<bool>()), 1..8),
        ) {
            let mut text = String::new();
            let mut written = Vec::new();
            for (index, length, separated) in &picks {
                let form = &FORMS[*index];
                let ai = form.ai.replace('#', "3");
                // A narrower form with the same AI goes first.
                let form = FORMS.iter().find(|form| form.begins(&ai)).unwrap();
                let more = form.least + length.index(form.most - form.least + 1);
                let value = format!("{}{}", "7".repeat(form.digits), "x".repeat(more));
                text.push_str(&ai);
                text.push_str(&value);
                let is_predefined = PREDEFINED.iter().any(|(start, _)| ai.starts_with(start));
                if !is_predefined || *separated {
                    text.push(GS);
                }
                written.push((ai, value));
            }
            let (found, is_whole) = elements(&text);
            prop_assert!(is_whole, "{text}");
            let found: Vec<_> = found.iter().map(|found| (found.ai.to_owned(), found.value.to_owned())).collect();
            prop_assert_eq!(found, written);
        }

        #[test]
        fn any_text_is_fine(text in "\\PC{0,30}|[0-9\u{1d}é]{0,40}") {
            let _ = product_key(&elements(&text).0);
        }
    }
}
