//! CRC64NVME, the checksum that S3 keeps of each object whose writer gives none.

const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// The checksum as S3 writes it.
pub fn crc64_nvme(bytes: &[u8]) -> String {
    let table: [u64; 256] = std::array::from_fn(|byte| {
        (0..8).fold(byte as u64, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 })
    });
    let crc = bytes.iter().fold(!0_u64, |crc, byte| table[((crc ^ u64::from(*byte)) & 0xff) as usize] ^ (crc >> 8));
    base64(&(!crc).to_be_bytes())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_what_s3_says() {
        // The check value of CRC-64/NVME: ae8b14860a799888.
        assert_eq!(super::crc64_nvme(b"123456789"), super::base64(&0xae8b_1486_0a79_9888_u64.to_be_bytes()));
        assert_eq!(super::base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    }
}
