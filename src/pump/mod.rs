//! The pump: photos by a story, into the inbox, with the rows they must lead to.

pub mod exif;
pub mod scene;
pub mod story;
