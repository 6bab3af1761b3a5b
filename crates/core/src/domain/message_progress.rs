//! The progress of one queue message, its photos, and how each ended.

/// How one photo of a message ended, as far as the message is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoEnd {
    /// Its rows are in a sealed, durable batch.
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
pub struct MessageProgress {
    open: usize,
    again: bool,
}

impl MessageProgress {
    /// The progress of a message that names `photos` photos, at least one.
    pub fn new(photos: usize) -> Self {
        Self { open: photos, again: false }
    }

    /// Notes the end of one photo; the last one decides. One photo to be processed again keeps the whole message, and
    /// the others of it are then read twice, which the load undoes.
    ///
    /// A message is settled once: an end too many (a caller's mistake) changes nothing and settles nothing.
    pub fn end(&mut self, end: PhotoEnd) -> Option<Settlement> {
        self.open = self.open.checked_sub(1)?;
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ticket_is_deleted_only_when_every_photo_is_durable() {
        let mut progress = MessageProgress::new(2);
        assert_eq!(progress.end(PhotoEnd::Durable), None);
        assert_eq!(progress.end(PhotoEnd::Durable), Some(Settlement::Delete));
        let mut progress = MessageProgress::new(3);
        assert_eq!(progress.end(PhotoEnd::Durable), None);
        assert_eq!(progress.end(PhotoEnd::Again), None);
        assert_eq!(progress.end(PhotoEnd::Durable), Some(Settlement::GiveBack));
    }

    proptest! {
        #[test]
        fn a_message_is_settled_once_by_its_last_photo(photos in 1usize..20, again in prop::collection::vec(any::<bool>(), 40)) {
            let mut progress = MessageProgress::new(photos);
            for (number, again_now) in again.iter().enumerate() {
                let end = if *again_now { PhotoEnd::Again } else { PhotoEnd::Durable };
                let expected = (number + 1 == photos).then(|| {
                    if again[..photos].contains(&true) { Settlement::GiveBack } else { Settlement::Delete }
                });
                prop_assert_eq!(progress.end(end), expected);
            }
        }
    }
}
