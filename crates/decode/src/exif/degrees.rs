//! A coordinate out of up to three numbers, or out of text.

use super::value::{Number, ratio};

/// One coordinate: its limits and the words for its halves.
pub(super) struct Axis {
    /// Letters for the positive and the negative half.
    pub halves: [char; 2],
    pub most_degrees: f64,
}

pub(super) const LATITUDE: Axis = Axis { halves: ['N', 'S'], most_degrees: 90.0 };
pub(super) const LONGITUDE: Axis = Axis { halves: ['E', 'W'], most_degrees: 180.0 };

/// Which half of the earth a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hemisphere {
    Positive,
    Negative,
    /// Nothing that this coordinate has.
    Unknown,
}

/// A coordinate without its reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Degrees {
    /// Not negative.
    pub size: f64,
    /// Where the value itself says so: a minus sign, a letter in a text.
    pub half: Option<Hemisphere>,
}

impl Axis {
    /// Degrees, minutes and seconds; each may be missing from the right, and the last given may have decimals. 0/0 is
    /// how some writers leave one out.
    pub(super) fn of_numbers(&self, numbers: &[Number]) -> Result<Degrees, &'static str> {
        if numbers.is_empty() {
            return Err("refused:malformed");
        }
        let given = numbers.iter().rposition(|number| *number != Number::NotGiven).map_or(0, |last| last + 1);
        let parts = [(1.0, self.most_degrees), (60.0, 60.0), (3600.0, 60.0)];
        let (mut size, mut negative) = (0.0, false);
        for (number, (part, most)) in numbers.get(..given.max(1)).unwrap_or(numbers).iter().zip(parts) {
            let number = match number {
                Number::Is(number) => *number,
                Number::NotGiven | Number::Broken => return Err("refused:zero_denominator"),
            };
            negative |= number.is_sign_negative() && number != 0.0;
            if number.abs() > most {
                return Err("refused:out_of_range");
            }
            size += number.abs() / part;
        }
        if size > self.most_degrees {
            return Err("refused:out_of_range");
        }
        Ok(Degrees { size, half: negative.then_some(Hemisphere::Negative) })
    }

    /// `48.8582`, `48,51.492N` of XMP, `48 51 29.52`, `48° 51' 29.52" N`, `48/1 51/1 2952/100`.
    pub(super) fn of_text(&self, text: &str) -> Result<Degrees, &'static str> {
        let mut half = None;
        let mut numbers = Vec::new();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            if first.is_ascii_digit() || (first == '.' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)) {
                let (number, after) = figure(rest).ok_or("refused:malformed")?;
                numbers.push(number);
                rest = after;
            } else if first.is_alphabetic() {
                let end = rest.find(|letter: char| !letter.is_alphabetic()).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                rest = after;
                if !is_unit(word) {
                    half = Some(self.half(word));
                }
            } else {
                if matches!(first, '-' | '\u{2212}') && numbers.is_empty() {
                    half = Some(Hemisphere::Negative);
                }
                rest = rest.get(first.len_utf8()..).unwrap_or("");
            }
        }
        // A decimal comma: XMP's commas part degrees and minutes, and then there is a letter.
        if let ([whole, decimals], None | Some(Hemisphere::Negative), Some((_, decimal_digits))) =
            (numbers.as_slice(), half, text.trim().split_once(','))
            && text.bytes().filter(|byte| !byte.is_ascii_digit()).eq(*b",")
            && let (Number::Is(whole), Number::Is(decimals)) = (whole, decimals)
        {
            let number = whole + decimals / 10_f64.powi(i32::try_from(decimal_digits.len()).unwrap_or(i32::MAX));
            numbers = vec![Number::Is(number)];
        }
        // Decimal commas in all three: `52,00000,50,00000,34,01180`.
        if numbers.len() == 6 && text.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b',') {
            let figures: Vec<&str> = text.trim().split(',').collect();
            let pairs = figures.chunks(2).map(|pair| pair.join(".").parse().map_or(Number::Broken, Number::Is));
            numbers = pairs.collect();
        }
        if numbers.len() > 3 {
            return Err("refused:malformed");
        }
        let degrees = self.of_numbers(&numbers)?;
        Ok(Degrees { half: half.or(degrees.half), ..degrees })
    }

    /// The half that `N`, `south` or `W` names.
    pub(super) fn half(&self, word: &str) -> Hemisphere {
        let letter = word.trim().chars().next().map(|letter| letter.to_ascii_uppercase());
        match letter {
            Some(letter) if letter == self.halves[0] => Hemisphere::Positive,
            Some(letter) if letter == self.halves[1] => Hemisphere::Negative,
            _ => Hemisphere::Unknown,
        }
    }
}

/// A number at the start of a text, with what it is divided by.
fn figure(text: &str) -> Option<(Number, &str)> {
    let (over, rest) = decimal(text)?;
    match rest.strip_prefix('/').and_then(decimal) {
        Some((under, rest)) => Some((ratio(over, under), rest)),
        None => Some((Number::Is(over), rest)),
    }
}

fn decimal(text: &str) -> Option<(f64, &str)> {
    let mut point = false;
    let is_part = |byte: &u8| byte.is_ascii_digit() || (*byte == b'.' && !std::mem::replace(&mut point, true));
    let length = text.bytes().take_while(is_part).count();
    let (number, rest) = text.split_at_checked(length)?;
    Some((number.parse().ok()?, rest))
}

fn is_unit(word: &str) -> bool {
    ["d", "deg", "degrees", "m", "min", "minutes", "sec", "seconds"].iter().any(|unit| word.eq_ignore_ascii_case(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_in_text() {
        use Hemisphere::{Negative, Positive, Unknown};
        let cases = [
            ("48.8582", Ok((48.8582, None))),
            ("-48.8582", Ok((48.8582, Some(Negative)))),
            ("+48.8582", Ok((48.8582, None))),
            ("48.8582 N", Ok((48.8582, Some(Positive)))),
            ("S 48.8582", Ok((48.8582, Some(Negative)))),
            ("48,51.492N", Ok((48.8582, Some(Positive)))),
            ("48,51,29.52S", Ok((48.8582, Some(Negative)))),
            ("48 51 29.52", Ok((48.8582, None))),
            ("48\u{b0} 51' 29.52\" North", Ok((48.8582, Some(Positive)))),
            ("48 deg 51' 29.52\" n", Ok((48.8582, Some(Positive)))),
            ("48/1 51/1 2952/100", Ok((48.8582, None))),
            ("48/1, 51/1, 2952/100", Ok((48.8582, None))),
            ("488582/10000", Ok((48.8582, None))),
            ("48,8582", Ok((48.8582, None))),
            ("48,00000,51,00000,29,52000", Ok((48.8582, None))),
            ("48.8582 E", Ok((48.8582, Some(Unknown)))),
            ("", Err("refused:malformed")),
            ("north", Err("refused:malformed")),
            ("1 2 3 4", Err("refused:malformed")),
            ("91.0", Err("refused:out_of_range")),
            ("48 61", Err("refused:out_of_range")),
            ("48/0", Err("refused:zero_denominator")),
            ("0/0", Err("refused:zero_denominator")),
        ];
        for (text, expected) in cases {
            let found = LATITUDE.of_text(text).map(|found| ((found.size * 1e9).round() / 1e9, found.half));
            assert_eq!(found, expected, "{text}");
        }
    }
}
