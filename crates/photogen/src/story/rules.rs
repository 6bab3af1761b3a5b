//! The rules of the original: on which dates which share of the stamps becomes a photo, at which hours photos are
//! taken, first match wins.

use jiff::civil;

/// The rules of one story.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// In their order.
    pub dates: Vec<DateRule>,
    /// Weights of the 24 hours at which photos are taken.
    pub hours: [f64; 24],
}

/// Which share of the stamps of some dates is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct DateRule {
    /// All of them must hold; none is any date.
    pub tests: Vec<(DatePart, Test)>,
    /// The share, 0 to 1.
    pub accepts: f64,
}

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatePart {
    /// The year.
    Year,
    /// The month, from 1.
    Month,
    /// The day of the month, from 1.
    Day,
    /// The hour, from 0.
    Hour,
    /// The minute, from 0.
    Minute,
}

impl DatePart {
    fn of(self, at: civil::DateTime) -> i64 {
        match self {
            DatePart::Year => at.year().into(),
            DatePart::Month => at.month().into(),
            DatePart::Day => at.day().into(),
            DatePart::Hour => at.hour().into(),
            DatePart::Minute => at.minute().into(),
        }
    }
}

/// What a part of a date must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `eq(n)`, and `in(a, b)`: one of these.
    In(Vec<i64>),
    /// `lt(n)`.
    Less(i64),
    /// `le(n)`.
    AtMost(i64),
    /// `gt(n)`.
    More(i64),
    /// `ge(n)`.
    AtLeast(i64),
}

impl Test {
    /// Reads `eq(4)`, `in(1, 2)` and their like.
    pub fn parse(text: &str) -> Option<Test> {
        let (name, inside) = text.trim().strip_suffix(')')?.split_once('(')?;
        let values = inside.split(',').map(|value| value.trim().parse().ok()).collect::<Option<Vec<i64>>>()?;
        match (name.trim(), values.as_slice()) {
            ("in", _) | ("eq", [_]) => Some(Test::In(values)),
            ("lt", [value]) => Some(Test::Less(*value)),
            ("le", [value]) => Some(Test::AtMost(*value)),
            ("gt", [value]) => Some(Test::More(*value)),
            ("ge", [value]) => Some(Test::AtLeast(*value)),
            _ => None,
        }
    }

    fn holds(&self, value: i64) -> bool {
        match self {
            Test::In(values) => values.contains(&value),
            Test::Less(limit) => value < *limit,
            Test::AtMost(limit) => value <= *limit,
            Test::More(limit) => value > *limit,
            Test::AtLeast(limit) => value >= *limit,
        }
    }
}

impl Rules {
    /// The share of the stamps at this time that is accepted, by the first rule that matches; `None` where none does.
    pub fn share(&self, at: civil::DateTime) -> Option<f64> {
        let matches = |rule: &&DateRule| rule.tests.iter().all(|(part, test)| test.holds(part.of(at)));
        self.dates.iter().find(matches).map(|rule| rule.accepts)
    }

    /// How finely the rules tell times apart, in minutes.
    pub fn grain_minutes(&self) -> i64 {
        let tests = |wanted| self.dates.iter().flat_map(|rule| &rule.tests).any(|(part, _)| *part == wanted);
        if tests(DatePart::Minute) {
            1
        } else if tests(DatePart::Hour) {
            60
        } else {
            24 * 60
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_of_the_original_is_read_and_holds_where_it_should() {
        for (text, holding) in [
            ("eq(4)", vec![4]),
            ("lt(4)", vec![1, 2, 3]),
            ("le(4)", vec![1, 2, 3, 4]),
            ("gt(4)", vec![5, 6]),
            ("ge( 4 )", vec![4, 5, 6]),
            ("in(1, 6)", vec![1, 6]),
        ] {
            let test = Test::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((1..=6).filter(|&value| test.holds(value)).collect::<Vec<i64>>(), holding, "{text}");
        }
        for wrong in ["", "4", "eq", "eq()", "eq(1,2)", "ne(4)", "eq(x)", "eq(4", "in()", "lt(1,2)"] {
            assert_eq!(Test::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rule =
            |text: &str, accepts| DateRule { tests: vec![(DatePart::Month, Test::parse(text).unwrap())], accepts };
        let rules = Rules { dates: vec![rule("eq(4)", 0.5), rule("le(6)", 1.0)], hours: [1.0; 24] };
        let share = |month| rules.share(civil::date(2015, month, 3).at(7, 30, 0, 0));
        assert_eq!((share(4), share(6), share(7)), (Some(0.5), Some(1.0), None));
    }
}
