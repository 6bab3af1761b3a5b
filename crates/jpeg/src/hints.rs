//! What a photo's pixels hint at beside their brightness, noted while brightness is made of them: whether a code may stand
//! in its colours, or in its alpha, where brightness shows none.
//!
//! Nearly every edge of a photo is one of brightness. Where many edges lie close together that are edges of colour far more
//! than of brightness, something is drawn in colours of like brightness.

use super::luma::Aspect;

/// Side of a cell in pixels.
const CELL: usize = 16;
/// Cells with such edges, next to another, from which on a second look is worth its time: a code of 21 modules of four
/// pixels has 20.
const ENOUGH_CELLS: u32 = 16;

/// Hints at other aspects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Cells full of edges of redness, beside another that is.
    pub red: u32,
    /// The same of blueness.
    pub blue: u32,
    /// Some pixels are opaque and some are not.
    pub alpha: bool,
}

impl Hints {
    /// Where nothing was noted, and only a look can tell.
    pub fn unknown(alpha: bool) -> Hints {
        Hints { red: ENOUGH_CELLS, blue: ENOUGH_CELLS, alpha }
    }

    /// The aspects worth a look after brightness, the most promising first.
    pub fn aspects(self) -> impl Iterator<Item = Aspect> {
        let colours = [(Aspect::Redness, self.red), (Aspect::Blueness, self.blue)];
        let [first, second] = if self.red >= self.blue { colours } else { [colours[1], colours[0]] };
        let alpha = (Aspect::Opacity, if self.alpha { ENOUGH_CELLS } else { 0 });
        [alpha, first, second].into_iter().filter(|(_, cells)| *cells >= ENOUGH_CELLS).map(|(aspect, _)| aspect)
    }
}

/// Rows between those that are looked at, and pixels between the ends of a step.
const ROW_STEP: usize = 4;
const STEP: usize = 4;
/// How large a step of colour is an edge, and how many such make a cell.
const EDGE: i32 = 24;
const EDGES: u8 = 3;

/// Takes in a picture's rows, of which it looks at every fourth.
#[derive(Default)]
pub struct Survey {
    hints: Hints,
    has_clear: bool,
    has_opaque: bool,
    /// Edges of redness and of blueness in each cell of the present row of cells.
    edges: Vec<[u8; 2]>,
    cell_row: usize,
}

impl Survey {
    /// Takes in row `y`, whose pixels are red, green, blue and alpha.
    pub fn row(&mut self, y: usize, width: usize, pixel: impl Fn(usize) -> [u8; 4]) {
        let (mut has_clear, mut has_opaque) = (self.has_clear, self.has_opaque);
        self.tinted_row(y, width, |x| {
            let pixel = pixel(x);
            has_clear |= pixel[3] < 128;
            has_opaque |= pixel[3] >= 128;
            [Aspect::Brightness, Aspect::Redness, Aspect::Blueness].map(|aspect| aspect.of(pixel))
        });
        (self.has_clear, self.has_opaque) = (has_clear, has_opaque);
    }

    /// Takes in row `y`, whose pixels are brightness, redness and blueness.
    pub fn tinted_row(&mut self, y: usize, width: usize, mut pixel: impl FnMut(usize) -> [u8; 3]) {
        if !y.is_multiple_of(ROW_STEP) {
            return;
        }
        if self.cell_row != y / CELL {
            self.close_cells();
            self.cell_row = y / CELL;
        }
        self.edges.resize(width / CELL + 1, [0; 2]);
        let mut before: Option<[i32; 3]> = None;
        for x in (0..width).step_by(STEP) {
            let here = pixel(x).map(i32::from);
            if let (Some(before), Some(cell)) = (before, self.edges.get_mut(x / CELL)) {
                let [grey, red, blue] = [0, 1, 2].map(|at: usize| here[at].abs_diff(before[at]) as i32);
                for (edges, tint) in cell.iter_mut().zip([red, blue]) {
                    *edges = edges.saturating_add(u8::from(tint >= EDGE && tint * 2 > grey * 3));
                }
            }
            before = Some(here);
        }
    }

    fn close_cells(&mut self) {
        // Lone ones are found everywhere.
        for pair in self.edges.windows(2) {
            let is_full = |which: usize| pair.iter().all(|cell| cell[which] >= EDGES);
            self.hints.red += u32::from(is_full(0));
            self.hints.blue += u32::from(is_full(1));
        }
        self.edges.fill([0; 2]);
    }

    /// What the rows hint at.
    pub fn hints(mut self) -> Hints {
        self.close_cells();
        Hints { alpha: self.has_clear && self.has_opaque, ..self.hints }
    }
}
