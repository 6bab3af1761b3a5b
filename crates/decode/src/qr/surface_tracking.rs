//! Follows a surface that no flat outline fits, outward from the three finder patterns: what they and the pieces found so
//! far say about the whole surface tells where to look for the next piece.

use super::super::clock::Deadline;
use super::finder_pose::FinderPose;
use super::mesh;
use super::node_window::NodeWindow;
use super::plane::Plane;
use super::surface::Surface;

/// Times the surface is laid anew while the net grows.
const RINGS: usize = 40;

/// Modules that growing over a code `side` modules wide looks at.
pub(super) fn cost(side: usize) -> u64 {
    // 49 modules around each of 123 places.
    ((side as f32 / mesh::SPACING).powi(2) * 49.0 * 123.0) as u64
}

/// A net over a code.
struct Net<'a> {
    side: usize,
    /// Nodes on a side.
    count: usize,
    spacing: f32,
    nodes: Vec<Option<Node>>,
    surface: Surface,
    /// Expected colours, row after row: 0 where the code decides.
    known: &'a [f32],
}

#[derive(Clone, Copy)]
struct Node {
    at: [f32; 2],
    /// How clear the modules around it are.
    clearness: f32,
}

/// The middles of all modules, row after row, of a code `side` modules wide that goes on from `roots`; `known` are the
/// colours every code of the size has, -1 for dark.
pub(super) fn over(
    plane: Plane<'_>,
    side: usize,
    roots: &[FinderPose],
    known: &[f32],
    deadline: Deadline,
) -> Option<Vec<[f32; 2]>> {
    let (count, spacing) = mesh::nodes(side);
    let surface = Surface::through(side, roots, [])?;
    // A surface is laid through all nodes so far at each ring, so that the next is expected where they lead.
    let mut net = Net { side, count, spacing, nodes: vec![None; count * count], surface, known };
    let mut order: Vec<usize> = (0..count * count).collect();
    let far = |node: usize| {
        let [x, y] = net.module(node);
        let away = |root: &FinderPose| (root.module[0] - x).hypot(root.module[1] - y);
        roots.iter().map(away).fold(f32::MAX, f32::min)
    };
    order.sort_by(|&a, &b| far(a).total_cmp(&far(b)));
    // Reach and step of the search in modules, and how strongly the surface holds.
    let ring = order.len().div_ceil(RINGS);
    for (reach, step, hold, ring) in
        [(0.75, 0.25, 0.12, ring), (0.4, 0.2, 0.25, order.len()), (0.2, 0.1, 0.25, order.len())]
    {
        for nodes in order.chunks(ring) {
            if deadline.is_over() {
                return None;
            }
            for &node in nodes {
                net.settle(plane, node, reach, step, hold);
            }
            net.surface = Surface::through(side, roots, net.settled())?;
        }
    }
    Some(net.places())
}

impl Net<'_> {
    /// A node's place in modules.
    fn module(&self, node: usize) -> [f32; 2] {
        [(node % self.count) as f32 * self.spacing + 0.5, (node / self.count) as f32 * self.spacing + 0.5]
    }

    /// The settled nodes: modules, pixels and how much they count.
    fn settled(&self) -> impl Iterator<Item = ([f32; 2], [f32; 2], f32)> {
        let settled = self.nodes.iter().enumerate().filter_map(|(index, node)| Some((index, (*node)?)));
        // A node that found nothing clear says next to nothing.
        settled.map(|(index, node)| (self.module(index), node.at, node.clearness.max(0.0).powi(4)))
    }

    /// How far a node lies off the surface, in pixels.
    fn off(&self, node: usize) -> Option<([f32; 2], f32)> {
        let Node { at, clearness } = self.nodes.get(node).copied().flatten()?;
        let flat = self.surface.at(self.module(node));
        Some(([at[0] - flat[0], at[1] - flat[1]], clearness))
    }

    /// Where a node is expected: on the surface, or as far off as the nodes beside it.
    fn expected(&self, node: usize) -> FinderPose {
        let mut piece = self.surface.piece(self.module(node));
        let (x, y) = ((node % self.count) as i32, (node / self.count) as i32);
        // The surface itself counts as one node.
        let (mut sum, mut weights) = ([0.0; 2], 0.5);
        for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
            let (x, y) = (x + dx, y + dy);
            let inside = (0..self.count as i32).contains(&x) && (0..self.count as i32).contains(&y);
            let Some((off, clearness)) = self.off((y * self.count as i32 + x) as usize).filter(|_| inside) else {
                continue;
            };
            let weight = if dx == 0 || dy == 0 { 1.0 } else { 0.6 } * clearness.max(0.0).powi(2);
            sum = [sum[0] + off[0] * weight, sum[1] + off[1] * weight];
            weights += weight;
        }
        piece.at = [piece.at[0] + sum[0] / weights, piece.at[1] + sum[1] / weights];
        piece
    }

    /// Moves one node to where its neighbourhood is clearest, not far from where it is expected.
    fn settle(&mut self, plane: Plane<'_>, node: usize, reach: f32, step: f32, hold: f32) {
        let expected = self.expected(node);
        let middle = expected.module.map(|at| at as i32);
        let away = |at: usize, from: f32| at as f32 + 0.5 - from;
        let place = |x: usize, y: usize| expected.away(away(x, expected.module[0]), away(y, expected.module[1]));
        let around = NodeWindow::of(middle, self.known, self.side, place);
        let levels = around.levels(plane, [0.0; 2]);
        let steps = (reach / step).round() as i32;
        let mut best = (f32::MIN, Node { at: expected.at, clearness: 0.0 });
        for (across, down) in (-steps..=steps).flat_map(|down| (-steps..=steps).map(move |across| (across, down))) {
            let (dx, dy) = (across as f32 * step, down as f32 * step);
            let at = expected.away(dx, dy);
            let moved = [at[0] - expected.at[0], at[1] - expected.at[1]];
            let clearness = around.clearness(plane, moved, levels);
            let score = clearness - hold * (dx * dx + dy * dy);
            if score > best.0 {
                best = (score, Node { at, clearness });
            }
        }
        if let Some(place) = self.nodes.get_mut(node) {
            *place = Some(best.1);
        }
    }

    /// The middles of all modules: the surface, and as far off it as the four nodes around each.
    fn places(&self) -> Vec<[f32; 2]> {
        let offs: Vec<[f32; 2]> =
            (0..self.nodes.len()).map(|node| self.off(node).map_or([0.0; 2], |off| off.0)).collect();
        let off = |x: usize, y: usize| offs.get(y * self.count + x).copied().unwrap_or_default();
        let mix = |a: [f32; 2], b: [f32; 2], share: f32| [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
        let place = |index: usize| {
            let (column, row) = ((index % self.side) as f32, (index / self.side) as f32);
            let (x, y) = (column / self.spacing, row / self.spacing);
            let (left, top) = ((x as usize).min(self.count - 2), (y as usize).min(self.count - 2));
            let (across, down) = (x - left as f32, y - top as f32);
            let above = mix(off(left, top), off(left + 1, top), across);
            let off = mix(above, mix(off(left, top + 1), off(left + 1, top + 1), across), down);
            let at = self.surface.at([column + 0.5, row + 0.5]);
            [at[0] + off[0], at[1] + off[1]]
        };
        (0..self.side * self.side).map(place).collect()
    }
}
