//! A ticket: one queue message, its photos, and how each ended.

/// How one photo of a ticket ended, as far as the message is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoEnd {
    /// Its rows stand in a sealed, durable batch.
    Durable,
    /// It must be processed again (a retryable failure, or a drain before it started).
    Again,
}

/// What to do with the message once every photo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Delete it: every photo is durable.
    Delete,
    /// Give it back: at least one photo must be processed again.
    GiveBack,
}

/// Counts the ends of one message's photos.
#[derive(Debug)]
pub struct Ticket {
    open: usize,
    again: bool,
}

impl Ticket {
    /// A ticket for a message that names `photos` photos.
    pub fn new(photos: usize) -> Self {
        Self { open: photos, again: false }
    }

    /// Notes the end of one photo; the last one decides. One photo to be processed again keeps the whole message, and
    /// the others of it are then read twice, which the load undoes.
    pub fn end(&mut self, end: PhotoEnd) -> Option<Settlement> {
        debug_assert!(self.open > 0, "a ticket ended more photos than it has");
        self.open = self.open.saturating_sub(1);
        match end {
            PhotoEnd::Durable => {}
            PhotoEnd::Again => self.again = true,
        }
        if self.open > 0 {
            return None;
        }
        Some(if self.again { Settlement::GiveBack } else { Settlement::Delete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_deleted_only_when_every_photo_is_durable() {
        let mut ticket = Ticket::new(2);
        assert_eq!(ticket.end(PhotoEnd::Durable), None);
        assert_eq!(ticket.end(PhotoEnd::Durable), Some(Settlement::Delete));
        let mut ticket = Ticket::new(3);
        assert_eq!(ticket.end(PhotoEnd::Durable), None);
        assert_eq!(ticket.end(PhotoEnd::Again), None);
        assert_eq!(ticket.end(PhotoEnd::Durable), Some(Settlement::GiveBack));
    }
}
