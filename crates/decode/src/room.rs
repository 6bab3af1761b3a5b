//! The memory that a reading may hold, reserved stage by stage.
//!
//! A header tells what opening a photo takes, but not how far up the ladder it must be climbed. So a reading begins with
//! what its first look holds, and asks for more when it gets there. It never waits for more: two photos that each hold a
//! part and wait for the rest would wait for ever. Where there is none, the reading is given up, and the photo comes
//! again with all that it may ever need.

use std::cell::Cell;

/// What a reading may hold, and whom it asks for more.
pub struct Room<'a> {
    reserved: Cell<u64>,
    most: u64,
    grow: &'a dyn Fn(u64) -> bool,
    is_refused: Cell<bool>,
}

impl<'a> Room<'a> {
    /// So many bytes are reserved, and `most` are never exceeded; `grow` reserves so many in all, or says no.
    pub fn new(reserved: u64, most: u64, grow: &'a dyn Fn(u64) -> bool) -> Room<'a> {
        Room { reserved: Cell::new(reserved), most, grow, is_refused: Cell::new(false) }
    }

    /// All that is asked for.
    pub fn boundless() -> Room<'static> {
        Room::new(u64::MAX, u64::MAX, &|_| true)
    }

    /// What is reserved by now.
    pub fn reserved(&self) -> u64 {
        self.reserved.get()
    }

    /// Whether so many bytes may be held in all.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        if self.is_refused.get() {
            return false;
        }
        let bytes = bytes.min(self.most);
        if bytes > self.reserved.get() {
            if (self.grow)(bytes) {
                self.reserved.set(bytes);
            } else {
                self.is_refused.set(true);
            }
        }
        !self.is_refused.get()
    }

    /// The same for what grows little by little: asks for some more than that, so that it asks seldom.
    pub(crate) fn has_growing(&self, bytes: u64) -> bool {
        if bytes <= self.reserved.get() { !self.is_refused.get() } else { self.has(bytes.saturating_add(bytes / 6)) }
    }

    /// Whether a wish was refused: what is seen since then says nothing about the photo.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_once_and_a_refusal_is_the_end() {
        let asked = Cell::new(Vec::new());
        let grow = |bytes| {
            let mut all = asked.take();
            all.push(bytes);
            asked.set(all);
            bytes < 1_000
        };
        let room = Room::new(100, 2_000, &grow);
        assert!(room.has(100) && room.has(300) && room.has(200) && room.has_growing(600) && room.has_growing(690));
        assert!(!room.is_refused() && !room.has(9_000) && room.is_refused());
        assert!(!room.has(1) && !room.has_growing(1), "what comes after it is not looked at either");
        assert_eq!(asked.take(), [300, 700, 2_000]);
    }
}
