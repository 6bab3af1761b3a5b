//! Bytes as hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two lower-case digits for each byte. Formatting each by itself takes many times as long, and a photo has a dozen
/// digests made of it.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |four_bits: u8| char::from(DIGITS[usize::from(four_bits & 15)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| text.extend([digit(byte >> 4), digit(*byte)]));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        for byte in 0..=255_u8 {
            assert_eq!(hex(&[byte]), format!("{byte:02x}"));
        }
        assert_eq!(hex(&[0, 0x1f, 0xa0]), "001fa0");
        assert_eq!(hex(&[]), "");
    }
}
