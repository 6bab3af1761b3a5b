//! Figures of rows: groups, ranks, means, days.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use scanmill::domain::ScanRow;

pub(super) fn groups<'s, K: Ord>(
    seen: &[&'s ScanRow],
    key: impl Fn(&ScanRow) -> Option<K>,
) -> BTreeMap<K, Vec<&'s ScanRow>> {
    let mut groups: BTreeMap<K, Vec<&ScanRow>> = BTreeMap::new();
    for scan in seen {
        if let Some(key) = key(scan) {
            groups.entry(key).or_default().push(scan);
        }
    }
    groups
}

/// The place of each by its count; as many as are before it, and one.
pub(super) fn ranks<K: Ord>(counts: impl Iterator<Item = (K, usize)>) -> BTreeMap<K, usize> {
    let counts: Vec<(K, usize)> = counts.collect();
    let sizes: Vec<usize> = counts.iter().map(|(_, count)| *count).collect();
    counts.into_iter().map(|(key, count)| (key, 1 + sizes.iter().filter(|size| **size > count).count())).collect()
}

pub(super) fn distinct<K: Ord>(scans: &[&ScanRow], key: impl Fn(&ScanRow) -> Option<K>) -> usize {
    scans.iter().filter_map(|scan| key(scan)).collect::<BTreeSet<K>>().len()
}

pub(super) fn photos(scans: &[&ScanRow]) -> usize {
    distinct(scans, |scan| Some(scan.lineage.photo_id.clone()))
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Their mean to a hundredth, as marts tell places.
pub(super) fn coarse(values: impl Iterator<Item = f64>) -> Option<f64> {
    mean(values).map(|mean| (mean * 100.0).round() / 100.0)
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

pub(super) fn day_of(date: &str) -> i64 {
    let since = date.parse::<Date>().unwrap() - Date::constant(1970, 1, 1);
    since.get_days().into()
}

pub(super) fn date_of(day: i64) -> String {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap().to_string()
}
