//! When what is named changes: not for a moment's sake.

use super::Stage;

/// Looks in a row that must agree on another stage before it is named.
const AGREE: u32 = 4;

/// What is named now, and what may be named next.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    named: Option<Stage>,
    next: Option<(Stage, u32)>,
}

impl Tracker {
    /// The stage in force, given what the last look found.
    pub fn look(&mut self, found: Stage) -> Stage {
        let named = *self.named.get_or_insert(found);
        if found == named {
            self.next = None;
            return named;
        }
        let times = match self.next {
            Some((stage, times)) if stage == found => times + 1,
            _ => 1,
        };
        if times < AGREE {
            self.next = Some((found, times));
            return named;
        }
        (self.named, self.next) = (Some(found), None);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_named() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.look(Stage::Cpu), Stage::Cpu, "the first look names");
        for _ in 0..20 {
            assert_eq!(tracker.look(Stage::Deletes), Stage::Cpu);
            assert_eq!(tracker.look(Stage::Memory), Stage::Cpu, "no two agree");
            assert_eq!(tracker.look(Stage::Cpu), Stage::Cpu);
        }
        for look in 1..=AGREE {
            let expected = if look < AGREE { Stage::Cpu } else { Stage::Deletes };
            assert_eq!(tracker.look(Stage::Deletes), expected);
        }
        assert_eq!(tracker.look(Stage::Cpu), Stage::Deletes);
    }
}
