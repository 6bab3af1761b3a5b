//! Dates of IPTC-IIM, which agencies and older editors write, and the Photoshop resources that hold it.

/// The dates of a block.
#[derive(Default)]
pub(super) struct Iptc {
    created_date: Option<String>,
    created_time: Option<String>,
    digitized_date: Option<String>,
    digitized_time: Option<String>,
}

const TAG: u8 = 0x1c;
const APPLICATION_RECORD: u8 = 2;
const MOST_DATASETS: usize = 10_000;

impl Iptc {
    /// Reads blocks; what the first says counts.
    pub(super) fn read<'a>(blocks: impl IntoIterator<Item = &'a [u8]>) -> Iptc {
        let mut iptc = Iptc::default();
        for block in blocks {
            for (record, dataset, data) in (Datasets { rest: block }).take(MOST_DATASETS) {
                if record != APPLICATION_RECORD {
                    continue;
                }
                let field = match dataset {
                    55 => &mut iptc.created_date,
                    60 => &mut iptc.created_time,
                    62 => &mut iptc.digitized_date,
                    63 => &mut iptc.digitized_time,
                    _ => continue,
                };
                let text = data.get(..32).unwrap_or(data);
                *field = field.take().or_else(|| std::str::from_utf8(text).ok().map(|text| text.trim().to_owned()));
            }
        }
        iptc
    }

    /// Date and time created, as one text.
    pub(super) fn created(&self) -> Option<String> {
        joined(&self.created_date, &self.created_time)
    }

    /// Date and time digitized, as one text.
    pub(super) fn digitized(&self) -> Option<String> {
        joined(&self.digitized_date, &self.digitized_time)
    }
}

fn joined(date: &Option<String>, time: &Option<String>) -> Option<String> {
    Some(format!("{} {}", date.as_ref()?, time.as_deref().unwrap_or_default()))
}

/// Record, dataset and data, one after the other.
struct Datasets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Datasets<'a> {
    type Item = (u8, u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let &[TAG, record, dataset, high, low, ref rest @ ..] = self.rest else { return None };
        let length = u16::from_be_bytes([high, low]);
        // The top bit says how many bytes the real length has.
        let (length, rest) = if length & 0x8000 == 0 {
            (usize::from(length), rest)
        } else {
            let (bytes, rest) =
                rest.split_at_checked(usize::from(length & 0x7fff)).filter(|(bytes, _)| bytes.len() <= 4)?;
            (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        };
        let (data, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((record, dataset, data))
    }
}

/// What a Photoshop resource holds that is of use here.
pub(super) enum Resource<'a> {
    Iptc(&'a [u8]),
    Exif(&'a [u8]),
    Xmp(&'a [u8]),
}

const MOST_RESOURCES: usize = 1_000;

/// The resources of a Photoshop block: a signature, a number, a name, data.
pub(super) fn resources(block: &[u8]) -> impl Iterator<Item = Resource<'_>> {
    const SIGNATURES: [&[u8; 4]; 5] = [b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa"];
    let mut rest = block;
    let next = move || {
        let (signature, after) = rest.split_first_chunk::<4>()?;
        SIGNATURES.contains(&signature).then_some(())?;
        let (number, after) = after.split_first_chunk::<2>()?;
        let name = 1 + usize::from(*after.first()?);
        let after = after.get(name.next_multiple_of(2)..)?;
        let (size, after) = after.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        let data = after.get(..size).unwrap_or(after);
        rest = after.get(size.checked_next_multiple_of(2)?..).unwrap_or(&[]);
        Some((u16::from_be_bytes(*number), data))
    };
    std::iter::from_fn(next).take(MOST_RESOURCES).filter_map(|(number, data)| match number {
        0x0404 => Some(Resource::Iptc(data)),
        0x0422 => Some(Resource::Exif(data)),
        0x0424 => Some(Resource::Xmp(data)),
        _ => None,
    })
}
