//! Values inside SQL text. Names of schema, tables and columns are ours or allow-listed by the configuration; all else
//! goes through here.

use aws_sdk_redshiftdata::types::SqlParameter;

use crate::warehouse::Value;
use scanmill_core::error::{Error, Result};

/// `text` as a literal. Redshift reads backslashes in literals as escapes.
///
/// # Errors
/// Poison for a NUL, which no text in Redshift can hold.
pub(super) fn literal(text: &str) -> Result<String> {
    if text.contains('\0') {
        return Err(Error::poison("Redshift cannot store a text with a NUL"));
    }
    Ok(format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
}

/// A statement with `?1`, `?2`… as the Data API takes it: texts become parameters `:p1`, `:p2`…, which travel beside
/// the statement; numbers, booleans and null become literals (the Data API has parameters of text only), and so does
/// empty text, which it does not take.
///
/// # Errors
/// Permanent for a placeholder without value, a value without placeholder, and a value that is none.
pub(super) fn bind(sql: &str, parameters: &[Value]) -> Result<(String, Vec<SqlParameter>)> {
    let mut bound = String::with_capacity(sql.len());
    let mut used = vec![false; parameters.len()];
    let mut rest = sql;
    while let Some((before, after)) = split_at_place(rest) {
        bound.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = after.split_at(digits);
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let value = place.and_then(|place| parameters.get(place));
        let (Some(place), Some(value)) = (place, value) else {
            return Err(Error::permanent(format!("query parameter ?{number} has no value")));
        };
        if let Some(used) = used.get_mut(place) {
            *used = true;
        }
        match value {
            Value::Null => bound.push_str("NULL"),
            Value::Bool(flag) => bound.push_str(if *flag { "TRUE" } else { "FALSE" }),
            Value::Number(number) => bound.push_str(&number.to_string()),
            Value::String(text) if text.is_empty() => bound.push_str("''"),
            Value::String(_) => bound.push_str(&format!(":p{}", place + 1)),
            Value::Array(_) | Value::Object(_) => {
                return Err(Error::permanent("a query parameter is null, a boolean, a number or text"));
            }
        }
        rest = behind;
    }
    bound.push_str(rest);
    if let Some(place) = used.iter().position(|used| !used) {
        return Err(Error::permanent(format!("query parameter ?{} is not in the statement", place + 1)));
    }
    let texts = parameters.iter().enumerate().filter_map(|(place, value)| Some((place, value.as_str()?)));
    let texts = texts.filter(|(_, text)| !text.is_empty()).map(|(place, text)| {
        if text.contains('\0') {
            return Err(Error::permanent(format!("query parameter ?{} holds a NUL", place + 1)));
        }
        let built = SqlParameter::builder().name(format!("p{}", place + 1)).value(text).build();
        built.map_err(|error| Error::bug("a query parameter does not build").with_source(error))
    });
    Ok((bound, texts.collect::<Result<_>>()?))
}

/// Splits at the next `?` that stands outside of literals and quoted names.
fn split_at_place(sql: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, character) in sql.char_indices() {
        match (quote, character) {
            (None, '?') => return Some((sql.get(..at)?, sql.get(at + 1..)?)),
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What Redshift reads in a literal, and that nothing of it is left behind the end.
    fn read(literal: &str) -> Option<String> {
        let mut text = String::new();
        let mut characters = literal.strip_prefix('\'')?.chars().peekable();
        loop {
            match characters.next()? {
                '\\' => text.push(characters.next()?),
                '\'' if characters.peek() == Some(&'\'') => {
                    characters.next();
                    text.push('\'');
                }
                '\'' => return characters.next().is_none().then_some(text),
                other => text.push(other),
            }
        }
    }

    proptest! {
        #[test]
        fn a_literal_says_its_text_and_ends_there(text in "[^\\x00]*") {
            prop_assert_eq!(read(&literal(&text).unwrap()), Some(text));
        }

        #[test]
        fn quotes_and_backslashes_in_any_order(text in "['\\\\a;-]{0,12}") {
            prop_assert_eq!(read(&literal(&text).unwrap()), Some(text));
        }
    }

    #[test]
    fn a_nul_is_refused() {
        assert!(literal("a\0b").is_err());
        assert!(bind("SELECT ?1", &[json!("a\0b")]).is_err());
    }

    #[test]
    fn texts_are_bound_and_the_rest_is_written() {
        let parameters = [json!("it's"), json!(7), json!(null), json!(""), json!(true), json!(-1.5)];
        let (sql, bound) =
            bind("SELECT ?1, '?2', ?2, ?3, ?4, ?5, ?6 FROM t WHERE \"a?\" = ?1 AND b = ':p9'", &parameters).unwrap();
        assert_eq!(sql, "SELECT :p1, '?2', 7, NULL, '', TRUE, -1.5 FROM t WHERE \"a?\" = :p1 AND b = ':p9'");
        assert_eq!(bound.len(), 1);
        assert_eq!((bound[0].name(), bound[0].value()), ("p1", "it's"));
        let (sql, bound) = bind("SELECT ?12", &vec![json!(1); 12][..]).map_or((String::new(), vec![]), |bound| bound);
        assert_eq!((sql.as_str(), bound.len()), ("", 0), "values that are not in the statement are refused");
        assert!(bind("SELECT ?2", &[json!(1)]).is_err() && bind("SELECT ?", &[json!(1)]).is_err());
    }
}
