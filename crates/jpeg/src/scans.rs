//! From scan to scan until one component is whole.

use super::coefficients::Coefficients;
use super::frame::{Frame, Scan, ScanComponent, Tables};
use super::progressive::Progressive;
use super::{JpegError, Watch, sequential};

/// Progressive files in the wild have 10 to 20 scans, and each may cost a pass over the whole picture.
const MAX_SCANS: usize = 64;

/// What the scan headers up to the first tell of the picture.
pub(super) fn tables(bytes: &[u8]) -> Result<Tables, JpegError> {
    let mut tables = Tables::default();
    tables.next_scan(bytes, 2)?.ok_or(JpegError::Cut)?;
    Ok(tables)
}

/// Reads one component. What the data does not hold, or what comes after `keep_on` said no, has coefficients of zero.
pub(super) fn read(bytes: &[u8], component: usize, watch: Watch<'_>) -> Result<Coefficients, JpegError> {
    let mut tables = Tables::default();
    let mut at = 2;
    let mut progressive: Option<Progressive> = None;
    for _ in 0..MAX_SCANS {
        let scan = match tables.next_scan(bytes, at) {
            Ok(Some(scan)) => scan,
            // What is broken behind the first scans costs only what would follow.
            Ok(None) | Err(_) if progressive.is_some() => break,
            Ok(None) => return Err(JpegError::Cut),
            Err(fault) => return Err(fault),
        };
        let frame = tables.frame()?;
        if scan.parts.iter().any(|part| part.component == component) {
            let grid = Grid::new(frame, component, &scan.parts)?;
            if !frame.progressive {
                return sequential::read(bytes, &tables, &scan, grid, watch);
            }
            if progressive.is_none() {
                watch.needs(Progressive::bytes_for(frame, component))?;
                progressive = Some(Progressive::new(frame, component, tables.steps(component)?));
            }
            if let Some(picture) = &mut progressive {
                // A table that is missing costs its scan.
                let _ = picture.read(bytes, &tables, &scan, grid, watch.keep_on);
            }
            if !(watch.keep_on)() {
                break;
            }
        }
        at = end_of_scan(bytes, scan.data);
    }
    progressive.ok_or(JpegError::Broken("no scan of a component"))?.finish(watch)
}

/// Where the marker behind the entropy-coded data from `at` on starts.
fn end_of_scan(bytes: &[u8], at: usize) -> usize {
    let is_marker = |pair: &[u8]| matches!(pair, [0xff, second] if !matches!(second, 0x00 | 0xd0..=0xd7 | 0xff));
    let data = bytes.get(at..).unwrap_or(&[]);
    at + data.windows(2).position(is_marker).unwrap_or(data.len())
}

/// How the blocks of a scan follow each other: units, row after row, in each of them some blocks of every component.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    /// The component that is read; the others are gone over.
    pub component: usize,
    /// Units in a row, and rows of units.
    pub units: [usize; 2],
    /// Its blocks in a unit, across and down.
    pub blocks: [usize; 2],
}

impl Grid {
    /// The grid of a scan with these parts, the component among them.
    pub(super) fn new(frame: &Frame, component: usize, parts: &[ScanComponent]) -> Result<Grid, JpegError> {
        if parts.len() == 1 {
            // Alone, a component comes block by block.
            let units = frame.samples(component).map(|side| side.div_ceil(8));
            return Ok(Grid { component, units, blocks: [1, 1] });
        }
        let in_unit: usize = parts.iter().map(|part| frame.factors(part.component)).map(|[x, y]| x * y).sum();
        if in_unit > 10 {
            return Err(JpegError::Unsupported("units of more than ten blocks"));
        }
        let (size, most) = ([frame.width, frame.height], frame.most());
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * most[axis]));
        Ok(Grid { component, units, blocks: frame.factors(component) })
    }
}

/// The pieces of entropy-coded data between restarts.
pub(super) struct Intervals<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The number of the next piece.
    next: usize,
    data: Vec<u8>,
}

impl<'a> Intervals<'a> {
    /// The pieces of a scan.
    pub(super) fn new(bytes: &'a [u8], scan: &Scan) -> Self {
        // Room for all, so that it never grows to twice what is needed.
        let data = Vec::with_capacity(bytes.len().saturating_sub(scan.data));
        Intervals { bytes, at: scan.data, next: 0, data }
    }

    /// The bytes of the next piece; empty when it is missing. A restart marker carries the number of the piece before
    /// it, modulo 8: from that, lost pieces are known.
    pub(super) fn take(&mut self) -> &[u8] {
        self.data.clear();
        if self.next > 0 {
            let Some(&[0xff, marker @ 0xd0..=0xd7]) = self.bytes.get(self.at..self.at + 2) else { return &[] };
            let lost = usize::from(marker).wrapping_sub(0xd0 + (self.next - 1)) % 8;
            // A number a little ahead means lost pieces; one behind is a wrong number.
            if (1..=2).contains(&lost) {
                self.next += 1;
                return &[];
            }
            self.at += 2;
        }
        self.next += 1;
        self.at = super::bits::unstuff(self.bytes, self.at, &mut self.data);
        // Fill bytes may be before a marker.
        while self.bytes.get(self.at..self.at + 2) == Some(&[0xff, 0xff]) {
            self.at += 1;
        }
        &self.data
    }
}
