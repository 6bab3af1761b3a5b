//! JSON whose texts are borrowed from where they stand. Few members of a notification are asked for, so an object is a list
//! and nothing is copied that has no escape in it: beside that, reading a body cost more than all that was read of it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// Members that an object mostly has.
const MEMBERS: usize = 8;

/// A value, as [`serde_json::Value`] has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// An object's member of this name, the last of several.
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        match self {
            Json::Object(members) => members.iter().rev().find(|(found, _)| found == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<&Number> {
        match self {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json<'de>, D::Error> {
        from.deserialize_any(JsonReader)
    }
}

/// A member's name, borrowed where it has no escape.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct JsonReader;

impl<'de> Visitor<'de> for JsonReader {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::with_capacity(MEMBERS);
        while let Some((Name(name), value)) = object.next_entry()? {
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The same as the library's own value.
    fn value(json: &Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.clone()),
            Json::Text(text) => Value::String(text.to_string()),
            Json::List(list) => list.iter().map(value).collect(),
            Json::Object(members) => {
                members.iter().map(|(name, member)| (name.to_string(), value(member))).collect::<Value>()
            }
        }
    }

    fn is_read_alike(text: &str) {
        let (ours, theirs) = (serde_json::from_str::<Json<'_>>(text), serde_json::from_str::<Value>(text));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => assert_eq!(value(&ours), theirs, "{text}"),
            (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string(), "{text}"),
            (ours, theirs) => panic!("{text}: {ours:?}, {theirs:?}"),
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_the_library_reads(text in r#"([\[\]{},:]|"(\\u00e9|\\ud83d|a|b|\\n)?"|-?[0-9]{1,3}(\.5|e9|e999)?|null|true|false| ){0,12}"#) {
            is_read_alike(&text);
        }

        #[test]
        fn objects_are_too(names in prop::collection::vec(r#""(a|b|\\u0061|é)""#, 0..6), values in prop::collection::vec(r#"1|"x\\ty"|\[\{"a":null\}\]|\{\}"#, 6)) {
            let members: Vec<String> = names.iter().zip(&values).map(|(name, value)| format!("{name}:{value}")).collect();
            is_read_alike(&format!("{{{}}}", members.join(",")));
        }
    }

    #[test]
    fn deep_nesting_is_refused_alike() {
        is_read_alike(&"[".repeat(200));
        is_read_alike(&format!("{}1{}", "[".repeat(120), "]".repeat(120)));
    }

    #[test]
    fn the_last_of_several_members_counts_and_texts_are_borrowed() {
        let read: Json<'_> = serde_json::from_str(r#"{"a":"x","b":"\n","a":"y"}"#).unwrap();
        assert!(matches!(read.get("a"), Some(Json::Text(Cow::Borrowed("y")))));
        assert_eq!((read.get("b").and_then(Json::as_str), read.get("c")), (Some("\n"), None));
    }
}
