//! What the warehouse has of one photo.

use std::collections::HashMap;

use scanmill_core::domain::PhotoRef;
use scanmill_ports::warehouse::Value;

/// The columns every row is read with, in this order; those of its table follow.
pub(super) const LINEAGE: [&str; 6] = ["object_key", "photo_id", "version_id", "etag", "batch_id", "uploaded_at"];

/// One row of a page.
#[derive(Clone, Debug)]
pub(super) struct AnsweredRow(Vec<Value>);

impl AnsweredRow {
    /// A row as it was answered; `None` when it has another width or no key.
    pub(super) fn of(cells: Vec<Value>, own_columns: usize) -> Option<Self> {
        let fits = cells.len() == LINEAGE.len() + own_columns && cells.first().is_some_and(Value::is_string);
        fits.then_some(Self(cells))
    }

    fn text(&self, place: usize) -> Option<&str> {
        self.0.get(place).and_then(Value::as_str)
    }

    pub(super) fn key(&self) -> &str {
        self.text(0).unwrap_or_default()
    }

    pub(super) fn photo_id(&self) -> Option<&str> {
        self.text(1)
    }

    pub(super) fn batch_id(&self) -> Option<&str> {
        self.text(4)
    }

    pub(super) fn uploaded_at(&self) -> Option<&str> {
        self.text(5)
    }

    /// The table's own column `place`, from 0.
    pub(super) fn own(&self, place: usize) -> &Value {
        self.0.get(LINEAGE.len() + place).unwrap_or(&Value::Null)
    }

    /// The id that a photo of the row's own key and version has.
    pub(super) fn id_by_name(&self, bucket: &str) -> String {
        let photo = PhotoRef {
            bucket: bucket.to_owned(),
            key: self.key().to_owned(),
            version_id: self.text(2).map(str::to_owned),
            etag: self.text(3).map(str::to_owned),
            size_bytes: None,
            sequencer: None,
            uploaded_at: None,
        };
        photo.id().0
    }

    /// Whether the row belongs to the photo whose key it has.
    pub(super) fn is_of_its_photo(&self, bucket: &str) -> bool {
        self.photo_id().is_none_or(|id| id == self.id_by_name(bucket))
    }

    /// Bytes of its texts, with something for the rest.
    pub(super) fn weight(&self) -> usize {
        let cell = |value: &Value| value.as_str().map_or(0, str::len) + size_of::<Value>();
        self.0.iter().map(cell).sum()
    }
}

/// The rows of one photo in one table. Of a flood only some are read, and the rest is counted.
#[derive(Clone, Debug, Default)]
pub(super) struct TableRows {
    pub(super) read: Vec<AnsweredRow>,
    /// Rows beyond those read, of texts (payloads or reasons) that are expected.
    pub(super) more_copies: HashMap<String, u64>,
    /// Rows beyond those read, of other texts.
    pub(super) more: u64,
}

impl TableRows {
    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.read.len() as u64 + self.more_copies.values().sum::<u64>() + self.more
    }
}

/// The rows of one photo.
#[derive(Clone, Debug, Default)]
pub(super) struct PhotoRows {
    pub(super) scans: TableRows,
    pub(super) rejections: TableRows,
}

impl PhotoRows {
    /// A row that says when the photo came: one of its own, where there is one.
    pub(super) fn first(&self, bucket: &str) -> Option<&AnsweredRow> {
        let rows = || self.scans.read.iter().chain(&self.rejections.read);
        rows().find(|row| row.is_of_its_photo(bucket)).or_else(|| rows().next())
    }
}
