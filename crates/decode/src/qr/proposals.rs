//! The finder patterns that a black-and-white picture proposes: searched once, for all the ways to read from them.

use rxing::common::BitMatrix;

use super::super::clock::Deadline;
use super::Task;
use super::finder::{self, Pattern};

/// Patterns that one look at a picture goes by, the most often seen first.
const MOST_PATTERNS: usize = 40;

/// A black-and-white picture and its finder patterns, of the colour that is dark in it at the moment.
pub(in super::super) struct Proposals {
    pub(super) picture: BitMatrix,
    patterns: Vec<Pattern>,
    /// Those of the other colour, once they were asked for.
    others: Option<Vec<Pattern>>,
}

impl Proposals {
    /// Searches a picture for dark patterns.
    pub(in super::super) fn of(picture: BitMatrix, deadline: Deadline) -> Proposals {
        let patterns = finder::find(&picture, deadline);
        Proposals { picture, patterns, others: None }
    }

    /// Bytes that it takes.
    pub(in super::super) fn bytes(&self) -> u64 {
        let patterns = self.patterns.len() + self.others.as_ref().map_or(0, Vec::len);
        u64::from(self.picture.width()) * u64::from(self.picture.height()) / 8
            + (patterns * size_of::<Pattern>()) as u64
    }

    /// What was light is dark now.
    pub(in super::super) fn turn_over(&mut self, deadline: Deadline) {
        self.picture.flip_self();
        let others = self.others.take().unwrap_or_else(|| finder::find(&self.picture, deadline));
        self.others = Some(std::mem::replace(&mut self.patterns, others));
    }

    /// The patterns outside the codes that were read before, at most [`MOST_PATTERNS`].
    pub(super) fn unread(&self, task: &Task<'_>) -> Vec<Pattern> {
        let unread = self.patterns.iter().copied().filter(|pattern| !(task.is_read)(pattern.centre));
        unread.take(MOST_PATTERNS).collect()
    }
}
