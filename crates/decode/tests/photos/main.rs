//! Photos and what is read of them: formats, codes, times and places, what is hard and what lies. One program, so that its tests
//! share all cores; what counts every allocation needs a process of its own (`memory.rs`, `avif_memory.rs`).

#[path = "../support/containers.rs"]
mod containers;
#[path = "../support/drawn.rs"]
mod drawings;
#[cfg(feature = "heic")]
#[path = "../support/heic.rs"]
mod heic_files;
#[path = "../support/decode_scene.rs"]
mod scene;
#[path = "../support/stream.rs"]
mod stream;
#[path = "../support/tiff.rs"]
mod tiff_files;

#[cfg(feature = "avif")]
mod avif;
mod codes;
mod colours;
mod content;
mod corpus;
mod crowds;
mod drawn;
mod exif;
mod formats;
#[cfg(feature = "heic")]
mod heic;
mod hostile;
mod jpeg;
mod ladder;
mod metadata;
mod thumbnail;
mod tiff;
