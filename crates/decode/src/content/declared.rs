//! The character set that a message of a known kind names in its own text.

use encoding_rs::{self as rs, Encoding};

use super::charset::Charset;

/// Bytes at the start of a message in which an XML declaration stands.
const XML_START: usize = 200;

/// The set that the text says it is in; `None` where it says nothing.
pub(super) fn set(bytes: &[u8]) -> Option<Charset> {
    let table = russian_payment(bytes)
        .or_else(|| european_payment(bytes))
        .or_else(|| contact(bytes))
        .or_else(|| xml(bytes))
        .filter(|table| table.is_ascii_compatible())?;
    Some(Charset::Table(table))
}

/// `ST00011|Name=…`, a payment by GOST R 56042: the figure behind the version names the set.
fn russian_payment(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes.strip_prefix(b"ST0001")? {
        [_, separator, ..] if separator.is_ascii_alphanumeric() => None,
        [b'1', _, ..] => Some(rs::WINDOWS_1251),
        [b'2', _, ..] => Some(rs::UTF_8),
        [b'3', _, ..] => Some(rs::KOI8_R),
        _ => None,
    }
}

/// `BCD`, version, set, line by line: a payment by EPC069-12.
fn european_payment(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    if lines.next()? != b"BCD" || !matches!(lines.next()?, b"001" | b"002") {
        return None;
    }
    match lines.next()? {
        b"1" => Some(rs::UTF_8),
        b"2" => Some(rs::WINDOWS_1252),
        b"3" => Some(rs::ISO_8859_2),
        b"4" => Some(rs::ISO_8859_4),
        b"5" => Some(rs::ISO_8859_5),
        b"6" => Some(rs::ISO_8859_7),
        b"7" => Some(rs::ISO_8859_10),
        b"8" => Some(rs::ISO_8859_15),
        _ => None,
    }
}

/// `N;CHARSET=KOI8-R:…` of a vCard or a calendar.
fn contact(bytes: &[u8]) -> Option<&'static Encoding> {
    let upper = bytes.to_ascii_uppercase();
    upper.starts_with(b"BEGIN:V").then(|| named(&upper, b"CHARSET="))?
}

/// `<?xml version="1.0" encoding="windows-1251"?>`
fn xml(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = bytes.get(..XML_START).unwrap_or(bytes);
    start.starts_with(b"<?xml").then(|| named(start, b"encoding="))?
}

/// The set whose name is behind a mark, in quotes or without.
fn named(bytes: &[u8], mark: &[u8]) -> Option<&'static Encoding> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let rest = bytes.get(at..)?;
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
    let name = rest.split(|byte| !is_name(byte)).next()?;
    Encoding::for_label(name.split(|&byte| byte == b':').next()?)
}

#[cfg(test)]
mod tests {
    use super::super::guess::Guess;
    use super::*;

    #[test]
    fn a_message_that_names_its_set_is_read_by_it() {
        // Each would be guessed as another set or doubted without its name.
        for (table, text) in [
            (rs::WINDOWS_1251, "ST00011|Name=хр"),
            (rs::KOI8_R, "ST00013|Name=ЕЁЗ|PersonalAcc=40702810138250123017"),
            (rs::KOI8_R, "ST00013^Name=щэ"),
            (rs::WINDOWS_1252, "BCD\n002\n2\nSCT\n\nÞóð\nDE71110220330123456789"),
            (rs::ISO_8859_5, "BCD\r\n001\r\n5\r\nSCT\r\n\r\nЕЁЗ\r\n"),
            (rs::KOI8_R, "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=KOI8-R:ЕЁЗ;щэ\nEND:VCARD"),
            (rs::SHIFT_JIS, "BEGIN:VCARD\r\nN;CHARSET=SHIFT_JIS:ｽﾔ\r\nEND:VCARD"),
            (rs::EUC_KR, "<?xml version='1.0' encoding='euc-kr'?><a>말</a>"),
        ] {
            let bytes = table.encode(text).0;
            let label = format!("declared:{}", table.name().to_ascii_lowercase());
            assert_eq!(Guess::of(&bytes, false).decode(&bytes), (text.to_owned(), label));
        }
    }

    #[test]
    fn a_name_that_the_bytes_do_not_fit_says_nothing() {
        let utf_8 = "ST00011|Name=Москва";
        assert_eq!(Guess::of(utf_8.as_bytes(), false).decode(utf_8.as_bytes()).1, "utf-8");
        for bytes in [
            &b"ST00012|Name=caf\xe9"[..],
            b"ST00011X\xe9t\xe9",
            b"BCD\n002\n9\nSCT\ncaf\xe9",
            b"BEGIN:VCARD\nN;CHARSET=X-NO:caf\xe9",
        ] {
            assert!(Guess::of(bytes, false).decode(bytes).1.starts_with("guess:"), "{bytes:?}");
        }
    }
}
