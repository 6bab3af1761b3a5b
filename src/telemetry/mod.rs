//! What the engine tells about itself.

pub mod logging;
pub mod process;
pub mod stages;
pub mod state;
