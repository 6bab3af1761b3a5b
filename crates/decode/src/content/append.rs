//! Structured append (ISO/IEC 18004:2015, 8): one message in up to sixteen symbols.

use std::collections::BTreeMap;

use super::{Message, Mode, Segment};

/// A sequence of which every symbol was read.
pub(crate) struct Joined {
    /// The symbols by their number among those given, in the order of the sequence.
    pub members: Vec<usize>,
    /// Further copies of the same symbols, from which no second sequence could be made.
    pub repeats: Vec<usize>,
    /// The whole message.
    pub message: Message,
}

/// Orders that are tried for one parity and length, before the symbols are left apart. Only symbols of several sequences
/// that agree in both, or many copies of one symbol, make more than one order.
const MOST_ORDERS: usize = 500;

/// Joins the symbols that belong together: the same length and parity byte, each place once, and the parity of what they
/// say is that byte. Where several sequences in one photo agree in length and parity, symbols near each other are tried
/// first. `symbols`: each with the middle of its outline.
pub(crate) fn join(symbols: &[(&Message, [f32; 2])]) -> Vec<Joined> {
    let mut sets: BTreeMap<(u8, u8), Vec<usize>> = BTreeMap::new();
    for (number, (message, _)) in symbols.iter().enumerate() {
        if let Some(part) = message.part() {
            sets.entry((part.count, part.parity)).or_default().push(number);
        }
    }
    sets.into_iter().flat_map(|((count, parity), set)| Set { symbols, count, parity, left: set }.join()).collect()
}

/// Symbols that agree in length and parity.
struct Set<'a> {
    symbols: &'a [(&'a Message, [f32; 2])],
    count: u8,
    parity: u8,
    /// Symbols that belong to no sequence yet.
    left: Vec<usize>,
}

impl Set<'_> {
    fn join(mut self) -> Vec<Joined> {
        let mut all = Vec::new();
        let mut orders = MOST_ORDERS;
        for first in self.at(0) {
            if let Some(message) = self.complete(&mut vec![first], &mut orders) {
                self.left.retain(|number| !message.members.contains(number));
                all.push(message);
            }
        }
        // What is left over and says the same as a member is that member again.
        for joined in &mut all {
            let is_copy =
                |number: &usize| joined.members.iter().any(|member| self.message(*number) == self.message(*member));
            let (copies, left) = self.left.iter().partition(|number| is_copy(number));
            (joined.repeats, self.left) = (copies, left);
        }
        all
    }

    fn message(&self, number: usize) -> Option<&Message> {
        self.symbols.get(number).map(|(message, _)| *message)
    }

    /// The symbols at a place of the sequence.
    fn at(&self, index: u8) -> Vec<usize> {
        let is_there =
            |number: &&usize| self.message(**number).and_then(Message::part).is_some_and(|part| part.index == index);
        self.left.iter().filter(is_there).copied().collect()
    }

    /// Completes the sequence that begins with `members`, nearest symbols first.
    fn complete(&self, members: &mut Vec<usize>, orders: &mut usize) -> Option<Joined> {
        let last = members.last().and_then(|last| self.symbols.get(*last)).map(|(_, at)| *at)?;
        if members.len() == usize::from(self.count) {
            *orders = orders.checked_sub(1)?;
            let parts: Vec<&Message> = members.iter().filter_map(|number| self.message(*number)).collect();
            let message = Message::joined(&parts);
            return message.has_parity(self.parity).then(|| Joined {
                members: members.clone(),
                repeats: Vec::new(),
                message,
            });
        }
        let mut next = self.at(members.len() as u8);
        let distance = |number: &usize| {
            let at = self.symbols.get(*number).map_or([f32::MAX; 2], |(_, at)| *at);
            (at[0] - last[0]).hypot(at[1] - last[1])
        };
        next.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        for number in next {
            members.push(number);
            if let Some(joined) = self.complete(members, orders) {
                return Some(joined);
            }
            members.pop();
            if *orders == 0 {
                break;
            }
        }
        None
    }
}

impl Message {
    /// One message of all symbols. FNC1 is in the first symbol only and holds for all. An ECI should be named again by
    /// each symbol in which it holds; a symbol that names none goes on with the last, as encoders are seen to mean.
    fn joined(parts: &[&Message]) -> Message {
        let first = parts.first();
        let mut segments: Vec<Segment> = Vec::new();
        for part in parts {
            let standing = segments.last().and_then(|segment| segment.eci);
            let eci = |segment: &Segment| if part.has_eci { segment.eci } else { standing };
            segments.extend(part.segments.iter().map(|segment| Segment { eci: eci(segment), ..segment.clone() }));
        }
        Message {
            segments,
            fnc1: first.and_then(|part| part.fnc1),
            has_eci: parts.iter().any(|part| part.has_eci),
            is_model_1: first.is_some_and(|part| part.is_model_1),
            part: None,
        }
    }

    /// Whether the parity byte is the exclusive-or of the message's bytes. The standard means the bytes before the
    /// message was divided; encoders are seen to take those as packed, as transmitted (which differs by the separators of
    /// an FNC1 message), or the message in UTF-8.
    fn has_parity(&self, parity: u8) -> bool {
        let xor = |segments: &[Segment]| {
            let data = segments.iter().filter(|segment| segment.mode != Mode::Indicator);
            data.flat_map(|segment| &segment.bytes).fold(0, |sum, byte| sum ^ byte)
        };
        let in_utf8 = || self.content().map_or(0, |content| content.text.bytes().fold(0, |sum, byte| sum ^ byte));
        xor(&self.segments) == parity || xor(&self.transmitted()) == parity || in_utf8() == parity
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoder::{Item, encode};
    use super::super::{Message, Symbol};
    use super::join;

    fn symbol(items: &[Item]) -> Message {
        Message::parse(&encode(items, 40), Symbol { version: 40, is_model_1: false }).unwrap()
    }

    /// Messages, each in as many symbols as it is told.
    fn sets() -> impl Strategy<Value = Vec<(String, usize)>> {
        prop::collection::vec(("[ -~é日]{40,60}", 2usize..=16), 1..5)
    }

    fn symbols_of(text: &str, count: usize) -> Vec<Message> {
        let bytes = text.as_bytes();
        let parity = bytes.iter().fold(0, |sum, byte| sum ^ byte);
        let pieces = bytes.chunks(bytes.len().div_ceil(count)).chain(std::iter::repeat(&[][..])).take(count);
        let message = |(index, piece): (usize, &[u8])| {
            symbol(&[Item::Part(index as u8, count as u8, parity), Item::Byte(piece.to_vec())])
        };
        pieces.enumerate().map(message).collect()
    }

    proptest! {
        #[test]
        fn every_whole_sequence_is_joined_in_any_order(sets in sets(), order in any::<u64>(), lost in 0usize..99) {
            let mut expected: Vec<&str> = Vec::new();
            let mut symbols: Vec<Message> = Vec::new();
            for (number, (text, count)) in sets.iter().enumerate() {
                let mut of_text = symbols_of(text, *count);
                // One symbol of the first message may be missing.
                if number == 0 && lost < *count {
                    of_text.remove(lost);
                } else {
                    expected.push(text);
                }
                symbols.extend(of_text);
            }
            // Every set lies together; within it the order is any.
            let mut places: Vec<(Message, [f32; 2])> =
                symbols.into_iter().enumerate().map(|(at, symbol)| (symbol, [at as f32, 0.0])).collect();
            places.sort_by_key(|(_, at)| (at[0] as u64).wrapping_mul(order | 1) >> 7);
            let places: Vec<(&Message, [f32; 2])> = places.iter().map(|(symbol, at)| (symbol, *at)).collect();
            let mut found: Vec<String> =
                join(&places).iter().map(|joined| joined.message.content().unwrap().text).collect();
            let unique: std::collections::BTreeSet<&str> = expected.iter().copied().collect();
            // Two equal texts, or parities that agree by chance, are other tests' business.
            prop_assume!(unique.len() == expected.len());
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn many_symbols_that_fit_nowhere_cost_little() {
        // Sixteen places with eight candidates each, and no order of them has the parity.
        let symbols: Vec<Message> = (0..128u8)
            .map(|number| symbol(&[Item::Part(number % 16, 16, 0x80), Item::Byte(vec![b'0' + number / 16])]))
            .collect();
        let places: Vec<(&Message, [f32; 2])> = symbols.iter().map(|symbol| (symbol, [0.0; 2])).collect();
        assert!(join(&places).is_empty());
    }

    #[test]
    fn an_eci_that_only_the_first_symbol_names_holds_for_all() {
        let text = "größe";
        let parity = text.bytes().fold(0, |sum, byte| sum ^ byte);
        let (head, tail) = text.as_bytes().split_at(3);
        let first = symbol(&[Item::Part(0, 2, parity), Item::Eci(26), Item::Byte(head.to_vec())]);
        let second = symbol(&[Item::Part(1, 2, parity), Item::Byte(tail.to_vec())]);
        let joined = join(&[(&first, [0.0; 2]), (&second, [9.0, 0.0])]);
        let content = joined[0].message.content().unwrap();
        assert_eq!((content.text.as_str(), content.encoding.as_str()), (text, "eci:utf-8"));
    }

    #[test]
    fn the_parity_of_the_text_in_utf_8_counts_too() {
        let parts = [
            symbol(&[Item::Part(0, 2, b'a' ^ 0xc3 ^ 0xa9), Item::Eci(3), Item::Byte(b"a".to_vec())]),
            symbol(&[Item::Part(1, 2, b'a' ^ 0xc3 ^ 0xa9), Item::Eci(3), Item::Byte(b"\xe9".to_vec())]),
        ];
        let joined = join(&[(&parts[1], [0.0; 2]), (&parts[0], [9.0, 0.0])]);
        assert_eq!(joined.len(), 1);
        assert_eq!(
            (joined[0].message.content().unwrap().text.as_str(), joined[0].members.as_slice()),
            ("aé", &[1, 0][..])
        );
    }
}
