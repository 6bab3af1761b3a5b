//! Mistakes in what a person wrote: where they stand, what is wrong, and the name that was probably meant.

mod nearest;
mod problem;

pub use nearest::nearest;
pub use problem::{Origin, Problem, Problems};
