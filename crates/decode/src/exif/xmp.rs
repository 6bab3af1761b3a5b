//! One property out of an XMP packet, without an XML parser: the two dates wanted stand in it as plain text.

/// No packet needs more for a date to be found.
const FARTHEST: usize = 1 << 20;
const LONGEST: usize = 64;

/// The value of a property, written as an attribute (`name="value"`) or as an element (`<name>value</name>`).
pub(super) fn value<'a>(packet: &'a [u8], name: &str) -> Option<&'a str> {
    let packet = packet.get(..FARTHEST).unwrap_or(packet);
    let starts = packet.windows(name.len()).enumerate().filter(|(_, window)| *window == name.as_bytes());
    starts.map(|(at, _)| at).find_map(|at| {
        let before = at.checked_sub(1).and_then(|at| packet.get(at))?;
        let after = packet.get(at + name.len()..)?.trim_ascii_start();
        let (rest, end) = match (before, after.first()?) {
            (b'<', b'>') => (after.get(1..)?, b'<'),
            (before, b'=') if before.is_ascii_whitespace() => {
                let quoted = after.get(1..)?.trim_ascii_start();
                let quote = *quoted.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
                (quoted.get(1..)?, quote)
            }
            _ => return None,
        };
        let length = rest.iter().take(LONGEST).position(|byte| *byte == end)?;
        std::str::from_utf8(rest.get(..length)?).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_attributes_and_elements() {
        let name = "exif:DateTimeOriginal";
        let cases = [
            (r#"<rdf:Description exif:DateTimeOriginal="2026-11-22"/>"#, Some("2026-11-22")),
            ("<rdf:Description\n exif:DateTimeOriginal = '2026'/>", Some("2026")),
            ("<exif:DateTimeOriginal>2026-11</exif:DateTimeOriginal>", Some("2026-11")),
            ("</exif:DateTimeOriginal> exif:DateTimeOriginalX=\"1\" exif:DateTimeOriginal=\"2\"", Some("2")),
            ("<exif:DateTimeOriginal>2026-11", None),
            (r#" exif:DateTimeOriginal=""#, None),
            ("exif:DateTimeOriginal", None),
            ("", None),
        ];
        for (packet, expected) in cases {
            assert_eq!(value(packet.as_bytes(), name), expected, "{packet}");
        }
    }
}
