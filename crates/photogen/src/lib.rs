//! Photos of QR codes by a story: who scans what, when and where, the picture of it, and the rows it must lead to.
//!
//! Nothing here knows queues, stores or warehouses: the load generator sends what is made here, and compares.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bomb;
pub mod exif;
pub mod photo;
pub mod preview;
pub mod scene;
mod splice;
pub mod story;
