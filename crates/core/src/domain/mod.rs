//! Pure rules: what a notification, a photo, a scan, a batch are. No I/O, no clock, no async.

pub mod address;
pub mod batch;
pub mod columns;
pub mod escapes;
pub mod exclude;
pub mod gs1;
pub mod gs1_elements;
pub mod gtin;
pub mod message_progress;
pub mod notification;
pub mod page_names;
pub mod payload;
pub mod photo;
pub mod product_id;
pub mod reading;
pub mod reject;
pub mod row;
pub mod secret_accounts;
pub mod secret_names;
pub mod secret_sentences;
pub mod secret_shapes;
pub mod secrets;
pub mod shops;
pub mod text;
pub mod tracking;
pub mod url_rules;
mod whole_number;
pub mod wifi;

pub use exclude::Exclusions;
pub use photo::{PhotoId, PhotoRef};
pub use reading::{Capture, Code, Format, PlaceName, Reading, RungRun, Sequence};
pub use reject::{Cause, Reason, Rejection, Stage};
pub use row::{Lineage, RejectionRow, Row, ScanRow};
