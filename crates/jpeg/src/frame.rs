//! The segments before and between scans: tables, frame header, scan headers.

use super::huffman::HuffmanTable;
use super::segments::{Segments, lines};
use super::{JpegError, standard};

/// A colour component in the frame header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    pub id: u8,
    /// Blocks in a unit of an interleaved scan.
    pub across: usize,
    pub down: usize,
    quantization: usize,
}

/// The frame header.
pub(super) struct Frame {
    pub progressive: bool,
    pub width: usize,
    pub height: usize,
    /// One to four.
    pub components: Vec<Component>,
}

impl Frame {
    /// The largest sampling factors, across and down: those of a component that has every pixel.
    pub(super) fn most(&self) -> [usize; 2] {
        let most = |factor: fn(&Component) -> usize| self.components.iter().map(factor).max().unwrap_or(1);
        [most(|component| component.across), most(|component| component.down)]
    }

    /// Sampling factors of a component, across and down.
    pub(super) fn factors(&self, component: usize) -> [usize; 2] {
        self.components.get(component).map_or([1, 1], |it| [it.across, it.down])
    }

    /// Width and height of a component in its own samples.
    pub(super) fn samples(&self, component: usize) -> [usize; 2] {
        let (most, factors, size) = (self.most(), self.factors(component), [self.width, self.height]);
        [0, 1].map(|axis| (size[axis] * factors[axis]).div_ceil(most[axis]))
    }
}

/// What the components of a picture are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Brightness first: grey, or YCbCr.
    Luma,
    /// Red, green, blue.
    Rgb,
    /// As Adobe stores it: 255 is not ink.
    Cmyk,
    /// As TIFF stores it: 0 is not ink.
    Inks,
    /// Adobe's, with the three inks stored as YCbCr.
    Ycck,
}

/// A component of a scan: its place in the frame, and the numbers of its tables.
#[derive(Clone, Copy)]
pub(super) struct ScanComponent {
    pub component: usize,
    pub dc: usize,
    pub ac: usize,
}

/// A scan header.
pub(super) struct Scan {
    pub parts: Vec<ScanComponent>,
    /// First and last coefficient.
    pub band: [usize; 2],
    /// Bits of the coefficients that are known already, and that stay unknown (progressive).
    pub high: u32,
    pub low: u32,
    /// Where the entropy-coded data starts.
    pub data: usize,
}

/// All that the segments read so far said.
#[derive(Default)]
pub(super) struct Tables {
    quantization: [Option<[u16; 64]>; 4],
    dc: [Option<HuffmanTable>; 4],
    ac: [Option<HuffmanTable>; 4],
    /// Units between restarts; 0 for none.
    pub restart: usize,
    frame: Option<Frame>,
    /// A JFIF marker: three components are YCbCr, whatever else is said.
    is_jfif: bool,
    /// What Adobe's marker says of the colours: 0 for not transformed.
    adobe_transform: Option<u8>,
}

const NO_TABLE: JpegError = JpegError::Broken("a scan without its Huffman table");
const BROKEN: JpegError = JpegError::Broken("a segment that does not hold what it must");

impl Tables {
    /// Reads on from `at` to the next scan header and with it; `None` at the end of the picture.
    pub(super) fn next_scan(&mut self, bytes: &[u8], at: usize) -> Result<Option<Scan>, JpegError> {
        for segment in Segments::from(bytes, at) {
            let Ok((marker, start)) = segment else { return Ok(None) };
            let end = match bytes.get(start - 2..start) {
                Some(&[high, low]) => start - 2 + (usize::from(high) << 8 | usize::from(low)),
                _ => return Ok(None),
            };
            let Some(body) = bytes.get(start..end.max(start)) else { return Ok(None) };
            match marker {
                0xc0..=0xc2 if self.frame.is_some() => return Err(JpegError::Broken("two frames")),
                0xc0..=0xc2 => {
                    let lines = || lines(bytes).map_or(0, |lines| lines as usize);
                    self.frame = Some(read_frame(body, marker == 0xc2, lines).ok_or(BROKEN)??);
                }
                0xc4 => self.read_huffman(body).ok_or(BROKEN)?,
                0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf => return Err(JpegError::Unsupported("another coding process")),
                0xda => return self.read_scan(body, end).map(Some),
                0xdb => self.read_quantization(body).ok_or(BROKEN)?,
                0xdd => self.restart = be16(body, 0).ok_or(BROKEN)?,
                0xe0 if body.starts_with(b"JFIF\0") => self.is_jfif = true,
                0xee if body.starts_with(b"Adobe") => self.adobe_transform = body.get(11).copied(),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The frame, once there was one.
    pub(super) fn frame(&self) -> Result<&Frame, JpegError> {
        self.frame.as_ref().ok_or(JpegError::Broken("a scan before the frame"))
    }

    /// What the components are, by the rules of libjpeg.
    pub(super) fn colour(&self) -> Result<Colour, JpegError> {
        let ids: Vec<u8> = self.frame()?.components.iter().map(|component| component.id).collect();
        match (ids.as_slice(), self.adobe_transform) {
            ([_], _) => Ok(Colour::Luma),
            ([_, _, _], _) if self.is_jfif => Ok(Colour::Luma),
            ([_, _, _], Some(0)) => Ok(Colour::Rgb),
            (b"RGB", None) => Ok(Colour::Rgb),
            ([_, _, _], _) => Ok(Colour::Luma),
            ([_, _, _, _], None | Some(0)) => Ok(Colour::Cmyk),
            ([_, _, _, _], Some(_)) => Ok(Colour::Ycck),
            _ => Err(JpegError::Unsupported("two components")),
        }
    }

    /// The quantization steps of a component.
    pub(super) fn steps(&self, component: usize) -> Result<[u16; 64], JpegError> {
        let number = self.frame()?.components.get(component).map(|it| it.quantization);
        number
            .and_then(|number| self.quantization.get(number).copied().flatten())
            .ok_or(JpegError::Broken("no quantization table"))
    }

    /// The table for first coefficients with this number. Frames of motion pictures leave the standard's tables out.
    pub(super) fn dc(&self, number: usize) -> Result<&HuffmanTable, JpegError> {
        let own = self.dc.get(number).and_then(Option::as_ref);
        own.or_else(|| standard::dc(number)).filter(|table| table.is_of_sizes()).ok_or(NO_TABLE)
    }

    /// The table for all other coefficients with this number.
    pub(super) fn ac(&self, number: usize) -> Result<&HuffmanTable, JpegError> {
        self.ac.get(number).and_then(Option::as_ref).or_else(|| standard::ac(number)).ok_or(NO_TABLE)
    }

    fn read_quantization(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let table = self.quantization.get_mut(usize::from(kind & 15))?;
            let steps = table.insert([0; 64]);
            let size = if kind >> 4 == 0 { 64 } else { 128 };
            let values = rest.get(..size)?;
            for (index, step) in steps.iter_mut().enumerate() {
                *step = if size == 64 { u16::from(*values.get(index)?) } else { be16(values, index * 2)? as u16 };
            }
            body = rest.get(size..)?;
        }
        Some(())
    }

    fn read_huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let table = HuffmanTable::new(counts, rest.get(..total)?)?;
            let tables = if kind >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(kind & 15))? = Some(table);
            body = rest.get(total..)?;
        }
        Some(())
    }

    fn read_scan(&self, body: &[u8], data: usize) -> Result<Scan, JpegError> {
        let frame = self.frame()?;
        let count = usize::from(*body.first().ok_or(BROKEN)?);
        let entries = body.get(1..1 + count * 2).ok_or(BROKEN)?;
        let mut parts: Vec<ScanComponent> = Vec::with_capacity(count);
        for &[id, tables] in entries.as_chunks().0 {
            // Some writers give several components one id: the first that the scan does not have yet is meant.
            let is_new = |component: &usize| parts.iter().all(|part| part.component != *component);
            let named = frame.components.iter().enumerate().filter(|(_, component)| component.id == id);
            let component = named.map(|(index, _)| index).find(is_new).ok_or(BROKEN)?;
            parts.push(ScanComponent { component, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) });
        }
        let &[first, last, bits] = body.get(1 + count * 2..).and_then(|rest| rest.first_chunk()).ok_or(BROKEN)?;
        let band = [usize::from(first), usize::from(last)];
        let (high, low) = (u32::from(bits >> 4), u32::from(bits & 15));
        let is_sound = !parts.is_empty()
            && (!frame.progressive
                || (band[0] <= band[1] && band[1] < 64 && (band[0] > 0 || band[1] == 0) && low < 14)
                    && (band[0] == 0 || parts.len() == 1));
        if is_sound { Ok(Scan { parts, band, high, low, data }) } else { Err(BROKEN) }
    }
}

/// `lines`: the height where the header leaves it open.
fn read_frame(body: &[u8], progressive: bool, lines: impl Fn() -> usize) -> Option<Result<Frame, JpegError>> {
    let [precision, count] = [*body.first()?, *body.get(5)?];
    let entries = body.get(6..6 + usize::from(count) * 3)?.as_chunks::<3>().0;
    let component = |&[id, factors, quantization]: &[u8; 3]| {
        let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
        let is_sound = (1..=4).contains(&across) && (1..=4).contains(&down);
        is_sound.then_some(Component { id, across, down, quantization: usize::from(quantization) })
    };
    let components = entries.iter().map(component).collect::<Option<Vec<_>>>()?;
    let (height, width) = (be16(body, 1)?, be16(body, 3)?);
    let height = if height == 0 { lines() } else { height };
    if precision != 8 {
        return Some(Err(JpegError::Unsupported("more than 8 bits a sample")));
    }
    if width == 0 || height == 0 {
        return Some(Err(JpegError::Broken("a picture without pixels")));
    }
    Some(Ok(Frame { progressive, width, height, components }))
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|&two| usize::from(u16::from_be_bytes(two)))
}
