//! One line of a batch as checked values, in the order of [`COLUMNS`].
//!
//! The columns are looked up in the one list, never named here, and text is borrowed from the line: a load parses
//! every row of the engine's life once.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::schema::checks;
use scanmill_core::domain::columns::{COLUMNS, Column, ColumnTables, ColumnType};

/// The value of one column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
}

/// A checked line: every value has its column's type, what is required is there, and nothing is in a column of the
/// other table.
#[derive(Debug)]
pub(super) struct BatchLine<'a> {
    /// `scan` or `rejection`.
    pub(super) row_kind: Cow<'a, str>,
    /// One cell a column of [`COLUMNS`].
    pub(super) cells: Vec<Cell<'a>>,
}

impl<'a> BatchLine<'a> {
    /// Reads a line, or says in a sentence what is wrong with it, quoting no value.
    pub(super) fn parse(text: &'a [u8]) -> Result<BatchLine<'a>, String> {
        // At once: the reader would look at each text by itself.
        let text = std::str::from_utf8(text).map_err(|error| format!("it is not UTF-8: {error}"))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let line = (&mut reader).deserialize_map(LineVisitor).map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        line.check()?;
        Ok(line)
    }

    /// The text in the column `name`.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let index = COLUMNS.iter().position(|column| column.name == name)?;
        match self.cells.get(index) {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), String> {
        let other = match &*self.row_kind {
            "scan" => ColumnTables::Rejections,
            "rejection" => ColumnTables::Scans,
            "" => return Err("`row_kind` is missing".into()),
            _ => return Err("`row_kind` is neither `scan` nor `rejection`".into()),
        };
        for ((column, bounds), cell) in COLUMNS.iter().zip(BOUNDS.iter()).zip(&self.cells) {
            match (cell, column.table == other) {
                (Cell::Null, false) if column.required => return Err(format!("`{}` is missing", column.name)),
                (Cell::Null, _) => {}
                (_, true) => return Err(format!("`{}` does not belong in a {}", column.name, self.row_kind)),
                (_, false) if !fits(column, cell) => return Err(format!("`{}` has the wrong type", column.name)),
                // The table would refuse it too, and could not say whose it is.
                (_, false) if !is_within(*bounds, cell) => return Err(format!("`{}` is out of range", column.name)),
                (_, false) => {}
            }
        }
        Ok(())
    }
}

/// The bounds of each column of [`COLUMNS`].
static BOUNDS: LazyLock<Vec<Option<(f64, f64)>>> = LazyLock::new(|| COLUMNS.iter().map(checks::bounds).collect());

fn is_within(bounds: Option<(f64, f64)>, cell: &Cell<'_>) -> bool {
    let Some((least, greatest)) = bounds else { return true };
    match cell {
        Cell::Integer(integer) => (least..=greatest).contains(&(*integer as f64)),
        Cell::Real(real) => (least..=greatest).contains(real),
        Cell::Null | Cell::Text(_) => true,
    }
}

fn fits(column: &Column, cell: &Cell<'_>) -> bool {
    match column.kind {
        ColumnType::Integer => matches!(cell, Cell::Integer(_)),
        ColumnType::Real => matches!(cell, Cell::Real(_) | Cell::Integer(_)),
        ColumnType::Text(_) | ColumnType::Timestamp | ColumnType::LocalTimestamp | ColumnType::Date => {
            matches!(cell, Cell::Text(_))
        }
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = BatchLine<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row as a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BatchLine<'de>, A::Error> {
        let mut line = BatchLine { row_kind: "".into(), cells: vec![Cell::Null; COLUMNS.len()] };
        let mut expected = 0;
        while let Some(key) = map.next_key_seed(KeyReader { expected })? {
            let value = map.next_value_seed(CellReader)?;
            match (key, value) {
                (LineKey::RowKind, Cell::Text(text)) => line.row_kind = text,
                (LineKey::RowKind, _) => return Err(A::Error::custom("`row_kind` is not a text")),
                (LineKey::Column(index), value) => {
                    expected = index + 1;
                    if let Some(cell) = line.cells.get_mut(index) {
                        *cell = value;
                    }
                }
            }
        }
        Ok(line)
    }
}

enum LineKey {
    RowKind,
    Column(usize),
}

/// Finds a key's column. Rows are written in nearly the order of the columns, so the search starts where the last one
/// ended.
struct KeyReader {
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for KeyReader {
    type Value = LineKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<LineKey, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyReader {
    type Value = LineKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<LineKey, E> {
        if name == "row_kind" {
            return Ok(LineKey::RowKind);
        }
        let found = (0..COLUMNS.len())
            .map(|step| (self.expected + step) % COLUMNS.len())
            .find(|index| COLUMNS.get(*index).is_some_and(|column| column.name == name));
        // Not skipped: a newer scanmill's column would be lost without a word.
        found.map(LineKey::Column).ok_or_else(|| E::custom(format!("unknown column `{name}`")))
    }
}

struct CellReader;

impl<'de> DeserializeSeed<'de> for CellReader {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellReader {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number or text")
    }
    fn visit_unit<E>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }
    fn visit_i64<E>(self, integer: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Integer(integer))
    }
    fn visit_u64<E: serde::de::Error>(self, integer: u64) -> Result<Cell<'de>, E> {
        i64::try_from(integer).map(Cell::Integer).map_err(|_| E::custom("an integer is out of range"))
    }
    fn visit_f64<E>(self, real: f64) -> Result<Cell<'de>, E> {
        Ok(Cell::Real(real))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(text.into()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(text.to_owned().into()))
    }
}
