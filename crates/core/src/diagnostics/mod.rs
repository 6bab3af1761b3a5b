//! Mistakes in what a person wrote: where they stand, what is wrong, and the name that was probably meant. And counts as
//! people read them.

mod count;
mod nearest;
mod problem;

pub use count::{counted, noun};
pub use nearest::nearest;
pub use problem::{Origin, Problem, Problems};
