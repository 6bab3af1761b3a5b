//! When a quantile may be told: where fewer values lie beyond it than one, it is but another word for the longest.

/// `value`, if so many values are enough for this quantile: 2 for a median, 100 for a p99, 10,000 for a p99.99.
pub fn told(quantile: f64, count: u64, value: f64) -> Option<f64> {
    // 1 - 0.99 is a little more than a hundredth.
    (count as f64 * (1.0 - quantile) >= 1.0 - 1e-6).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_as_many_values_as_have_one_beyond_it() {
        for (quantile, enough) in [(0.5, 2), (0.9, 10), (0.99, 100), (0.999, 1_000), (0.9999, 10_000)] {
            assert_eq!(told(quantile, enough, 7.0), Some(7.0), "{quantile}");
            assert_eq!(told(quantile, enough - 1, 7.0), None, "{quantile}");
        }
    }
}
