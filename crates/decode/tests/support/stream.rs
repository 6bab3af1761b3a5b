//! Segments to data codewords: the other direction of `content/stream.rs`, written from the standard's tables.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

/// One item of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Numeric(String),
    Alphanumeric(String),
    Byte(Vec<u8>),
    /// Shift_JIS pairs.
    Kanji(Vec<u8>),
    /// GB 2312 pairs.
    Hanzi(Vec<u8>),
    Eci(u32),
    Gs1,
    /// FNC1 in second position with the value of its application indicator.
    Application(u8),
    /// Index, count, parity.
    Part(u8, u8, u8),
    /// Any bits: value and how many.
    Raw(u32, usize),
}

const CHARACTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The codewords of `items` in a symbol of `version`, with the terminator.
pub(super) fn encode(items: &[Item], version: u8) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut put = |value: u32, count: usize| bits.extend((0..count).rev().map(|at| value >> at & 1 == 1));
    let size = match version {
        0..=9 => 0,
        10..=26 => 1,
        _ => 2,
    };
    for item in items {
        match item {
            Item::Numeric(digits) => {
                put(1, 4);
                put(digits.len() as u32, [10, 12, 14][size]);
                for group in digits.as_bytes().chunks(3) {
                    let value = std::str::from_utf8(group).unwrap().parse().unwrap();
                    put(value, [0, 4, 7, 10][group.len()]);
                }
            }
            Item::Alphanumeric(text) => {
                put(2, 4);
                put(text.len() as u32, [9, 11, 13][size]);
                let values: Vec<u32> = text.chars().map(|c| CHARACTERS.find(c).unwrap() as u32).collect();
                for pair in values.chunks(2) {
                    match pair {
                        [a, b] => put(a * 45 + b, 11),
                        _ => put(pair[0], 6),
                    }
                }
            }
            Item::Byte(bytes) => {
                put(4, 4);
                put(bytes.len() as u32, [8, 16, 16][size]);
                bytes.iter().for_each(|&byte| put(byte.into(), 8));
            }
            Item::Kanji(bytes) => {
                put(8, 4);
                put(bytes.len() as u32 / 2, [8, 10, 12][size]);
                for pair in bytes.chunks(2) {
                    let value = u32::from(pair[0]) << 8 | u32::from(pair[1]);
                    let value = value - if value < 0xa000 { 0x8140 } else { 0xc140 };
                    put((value >> 8) * 0xc0 + (value & 0xff), 13);
                }
            }
            Item::Hanzi(bytes) => {
                put(13, 4);
                put(1, 4);
                put(bytes.len() as u32 / 2, [8, 10, 12][size]);
                for pair in bytes.chunks(2) {
                    let first = u32::from(pair[0]) - if pair[0] < 0xab { 0xa1 } else { 0xa6 };
                    put(first * 0x60 + u32::from(pair[1]) - 0xa1, 13);
                }
            }
            Item::Eci(number) => {
                put(7, 4);
                match number {
                    0..0x80 => put(*number, 8),
                    0x80..0x4000 => put(0x8000 | number, 16),
                    _ => put(0xc0_0000 | number, 24),
                }
            }
            Item::Gs1 => put(5, 4),
            Item::Application(indicator) => {
                put(9, 4);
                put((*indicator).into(), 8);
            }
            Item::Part(index, count, parity) => {
                put(3, 4);
                put((*index).into(), 4);
                put(u32::from(*count - 1), 4);
                put((*parity).into(), 8);
            }
            Item::Raw(value, count) => put(*value, *count),
        }
    }
    put(0, 4);
    bits.chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |sum, (at, &bit)| sum | u8::from(bit) << (7 - at)))
        .collect()
}
