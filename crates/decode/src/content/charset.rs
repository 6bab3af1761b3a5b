//! Character sets by ECI assignment number (AIM ITS/04-023), and bytes to text by them.

use encoding_rs::{self as rs, Encoding};

/// How bytes become characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Charset {
    /// By one of the tables of the Encoding Standard.
    Table(&'static Encoding),
    /// Seven bits; a byte above is an error.
    Ascii,
    /// IBM code page 437, in which the first ECI assignments were defined.
    Cp437,
    /// Four bytes a character.
    Utf32 { is_big_endian: bool },
    /// Not text: a byte is the character of the same number.
    Binary,
}

/// The character set of an ECI assignment number; `None` where the registry has none, or none that is known here.
///
/// Where the Encoding Standard has only a superset of an ISO part (windows-1252 for ISO 8859-1, windows-1254 for -9,
/// windows-874 for -11), the superset is taken: it differs in the range of the C1 control characters only, which no
/// code holds on purpose.
pub(super) fn by_eci(number: u32) -> Option<Charset> {
    Some(match number {
        0 | 2 => Charset::Cp437,
        1 | 3 | 23 => Charset::Table(rs::WINDOWS_1252),
        4 => Charset::Table(rs::ISO_8859_2),
        5 => Charset::Table(rs::ISO_8859_3),
        6 => Charset::Table(rs::ISO_8859_4),
        7 => Charset::Table(rs::ISO_8859_5),
        8 => Charset::Table(rs::ISO_8859_6),
        9 => Charset::Table(rs::ISO_8859_7),
        10 => Charset::Table(rs::ISO_8859_8),
        11 => Charset::Table(rs::WINDOWS_1254),
        12 => Charset::Table(rs::ISO_8859_10),
        13 => Charset::Table(rs::WINDOWS_874),
        15 => Charset::Table(rs::ISO_8859_13),
        16 => Charset::Table(rs::ISO_8859_14),
        17 => Charset::Table(rs::ISO_8859_15),
        18 => Charset::Table(rs::ISO_8859_16),
        20 => Charset::Table(rs::SHIFT_JIS),
        21 => Charset::Table(rs::WINDOWS_1250),
        22 => Charset::Table(rs::WINDOWS_1251),
        24 => Charset::Table(rs::WINDOWS_1256),
        25 => Charset::Table(rs::UTF_16BE),
        26 => Charset::Table(rs::UTF_8),
        27 | 170 => Charset::Ascii,
        28 => Charset::Table(rs::BIG5),
        // GB 2312, GBK and GB 18030: each holds the one before.
        29 | 31 | 32 => Charset::Table(rs::GB18030),
        30 => Charset::Table(rs::EUC_KR),
        33 => Charset::Table(rs::UTF_16LE),
        34 => Charset::Utf32 { is_big_endian: true },
        35 => Charset::Utf32 { is_big_endian: false },
        899 => Charset::Binary,
        _ => return None,
    })
}

/// The characters of code page 437 from 0x80 on.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»\
                     ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
                     αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

impl Charset {
    /// The text of `bytes`; `None` where some of them mean nothing in this character set.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Charset::Table(table) => {
                table.decode_without_bom_handling_and_without_replacement(bytes).map(|text| text.into_owned())
            }
            Charset::Ascii => bytes.is_ascii().then(|| bytes.iter().copied().map(char::from).collect()),
            Charset::Cp437 => {
                let high: Vec<char> = CP437.chars().collect();
                let character = |&byte: &u8| match byte.checked_sub(0x80) {
                    None => Some(char::from(byte)),
                    Some(place) => high.get(usize::from(place)).copied(),
                };
                bytes.iter().map(character).collect()
            }
            Charset::Utf32 { is_big_endian } => {
                let (fours, rest) = bytes.as_chunks::<4>();
                let number = if is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
                let text: Option<String> = fours.iter().map(|four| char::from_u32(number(*four))).collect();
                text.filter(|_| rest.is_empty())
            }
            Charset::Binary => Some(bytes.iter().copied().map(char::from).collect()),
        }
    }

    /// Whether the bytes are text in this character set, without control characters beyond ASCII's.
    pub(super) fn is_text(self, bytes: &[u8]) -> bool {
        let is_strange = |letter: char| !letter.is_ascii() && letter.is_control();
        self.decode(bytes).is_some_and(|text| !text.contains(is_strange))
    }

    /// [`Charset::decode`] with U+FFFD for what means nothing.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Charset::Table(table) => table.decode_without_bom_handling(bytes).0.into_owned(),
            _ => self.decode(bytes).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// The name in the `text_encoding` column: as the Encoding Standard has it, in lower case.
    pub(super) fn name(self) -> String {
        match self {
            Charset::Table(table) => table.name().to_ascii_lowercase(),
            Charset::Ascii => "us-ascii".to_owned(),
            Charset::Cp437 => "ibm437".to_owned(),
            Charset::Utf32 { is_big_endian: true } => "utf-32be".to_owned(),
            Charset::Utf32 { is_big_endian: false } => "utf-32le".to_owned(),
            Charset::Binary => "binary".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of each set with what they say, as Python's codecs have it.
    #[test]
    fn every_assignment_decodes_a_text_of_its_own() {
        let cases: &[(u32, &[u8], &str)] = &[
            (0, b"\x81\x84\xe1", "üäß"),
            (2, b"\x9b\xf8\xfe", "¢°■"),
            (1, b"caf\xe9", "café"),
            (3, b"\x80 5", "€ 5"),
            (4, b"\xb1\xe6\xb3", "ąćł"),
            (5, b"\xb1\xb6\xfd", "ħĥŭ"),
            (6, b"\xba\xe7", "ēį"),
            (7, b"\xbf\xe0\xd8", "При"),
            (8, b"\xc7\xe4", "ال"),
            (9, b"\xc1\xe2\xe3", "Αβγ"),
            (10, b"\xe0\xf9", "אש"),
            (11, b"\xfe\xf0\xfd", "şğı"),
            (12, b"\xbb\xf0", "ŧð"),
            (13, b"\xca\xc7\xd1", "สวั"),
            (15, b"\xfe\xe8", "žč"),
            (16, b"\xd0\xf0", "Ŵŵ"),
            (17, b"\xa4\xbd", "€œ"),
            (18, b"\xaa\xfe", "Șț"),
            (20, b"\x93\xfa\xb1", "日ｱ"),
            (21, b"\x9c\x9f", "śź"),
            (22, b"\xcf\xf0\xe8", "При"),
            (23, b"\x93a\x94", "“a”"),
            (24, b"\xc7\xe1", "ال"),
            (25, b"\x65\xe5\x00a", "日a"),
            (26, "naïve 日".as_bytes(), "naïve 日"),
            (27, b"plain", "plain"),
            (170, b"plain", "plain"),
            (28, b"\xa4\xa4\xa4\xe5", "中文"),
            (29, b"\xd6\xd0\xce\xc4", "中文"),
            (30, b"\xc7\xd1\xb1\xdb", "한글"),
            (31, b"\x81\x40", "丂"),
            (32, b"\x94\x39\xda\x33", "💩"),
            (33, b"\xe5\x65a\x00", "日a"),
            (34, b"\x00\x00\x65\xe5", "日"),
            (35, b"\xe5\x65\x00\x00", "日"),
            (899, b"\x00\xff", "\u{0}ÿ"),
        ];
        for &(number, bytes, text) in cases {
            assert_eq!(by_eci(number).and_then(|set| set.decode(bytes)).as_deref(), Some(text), "ECI {number}");
        }
        for unknown in [14, 19, 36, 169, 171, 898, 900, 999_999] {
            assert_eq!(by_eci(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn bytes_without_a_meaning_are_an_error() {
        for (number, bytes) in [
            (26u32, &b"caf\xe9"[..]),
            (27, b"\x80"),
            (20, b"\x93"),
            (34, b"\0\0\0"),
            (34, b"\x7f\0\0\0"),
            (25, b"\xd8\0"),
        ] {
            assert_eq!(by_eci(number).and_then(|set| set.decode(bytes)), None, "ECI {number}");
        }
        assert_eq!(CP437.chars().count(), 128);
    }
}
