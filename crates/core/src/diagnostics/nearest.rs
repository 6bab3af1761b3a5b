//! "Did you mean": the nearest of a few names.

/// The candidate nearest to `word`, when it is near enough to be meant: at most one slip for every three letters.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (word.chars().count() / 3).max(1);
    candidates.map(|name| (distance(word, name), name)).filter(|(d, _)| *d <= slips).min().map(|(_, name)| name)
}

/// Letters to insert, drop, change, or swap with their neighbour to get from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (row, a) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, &b) in right.iter().enumerate() {
            let mut best = (above[column] + usize::from(a != b)).min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = column > 0 && last == Some(b) && right[column - 1] == a;
            if swapped && let Some(&earlier) = before.get(column - 1) {
                best = best.min(earlier + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
        last = Some(a);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_single_slips() {
        for (left, right, slips) in [
            ("", "", 0),
            ("", "ab", 2),
            ("rows", "rows", 0),
            ("row", "rows", 1),
            ("rwos", "rows", 1),
            ("bows", "rows", 1),
        ] {
            assert_eq!(distance(left, right), slips, "{left} {right}");
            assert_eq!(distance(right, left), slips, "{right} {left}");
        }
    }

    #[test]
    fn offers_only_what_may_be_meant() {
        let names = || ["max_rows", "max_bytes", "max_age_ms"].into_iter();
        assert_eq!(nearest("max_row", names()), Some("max_rows"));
        assert_eq!(nearest("maxrows", names()), Some("max_rows"));
        assert_eq!(nearest("colour", names()), None);
    }
}
