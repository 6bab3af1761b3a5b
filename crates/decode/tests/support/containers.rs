//! Files of each format around blocks of metadata, without a picture.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

/// A little-endian TIFF structure written entry by entry, for what no writer would write. `directories`: entries of tag,
/// type, count and the four value bytes; pointers are made by hand. Data follows the directories.
pub fn raw_tiff(directories: &[&[(u16, u16, u32, u32)]], data: &[u8]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    for entries in directories {
        out.extend((entries.len() as u16).to_le_bytes());
        for &(tag, kind, count, value) in *entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend([0; 4]);
    }
    out.extend(data);
    out
}

/// A JPEG of segments: marker and body.
pub fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    for (marker, body) in segments {
        out.extend([0xff, *marker]);
        out.extend((body.len() as u16 + 2).to_be_bytes());
        out.extend(*body);
    }
    out
}

/// A PNG of chunks: name and data.
pub fn png(chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in chunks {
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(*name);
        out.extend(*data);
        out.extend([0; 4]);
    }
    out
}

/// A WebP of chunks.
pub fn webp(chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    for (name, data) in chunks {
        out.extend(*name);
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(*data);
        out.resize(out.len().next_multiple_of(2), 0);
    }
    out
}
