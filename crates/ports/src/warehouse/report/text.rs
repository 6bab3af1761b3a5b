//! The report for people: aligned tables of plain text.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::spread::seconds_between;
use super::{DAYS, Percentiles, Report, TOP};
use scanmill_core::diagnostics::noun;
use scanmill_core::domain::row::utc_millis;
use scanmill_core::quantile::told;

const BAR: usize = 30;

pub(super) fn render(report: &Report, now: Timestamp) -> String {
    let mut text = String::new();
    summary(&mut text, report);
    spreads(&mut text, report);
    let rungs = report.rungs.iter().map(|rung| {
        let cost = rung.mean_decode_ms.map_or_else(|| "-".into(), |ms| format!("{ms:.1}"));
        vec![rung.rung.clone(), count(rung.codes), count(rung.photos), percent(rung.share), cost]
    });
    section(&mut text, "What each rung won", &["rung", ">codes", ">photos", ">share", ">CPU ms a photo"], rungs);
    let rejections = report
        .rejections
        .iter()
        .map(|rejected| vec![rejected.reason.clone(), rejected.stage.clone(), count(rejected.photos)]);
    section(&mut text, "Rejections", &["reason", "stage", ">photos"], rejections);
    let products = report.products.iter().map(|product| {
        let host = product.url_host.clone().unwrap_or_default();
        vec![product.product_id.clone(), host, count(product.scans), percent(product.share), count(product.h3_cells)]
    });
    section(
        &mut text,
        &cut("Top products", report.products.len(), TOP),
        &["product", "host", ">scans", ">share", ">places"],
        products,
    );
    let most = report.days.iter().map(|day| day.scans).max().unwrap_or(0);
    let days = report
        .days
        .iter()
        .map(|day| vec![day.local_date.clone(), count(day.scans), count(day.photos), bar(day.scans, most)]);
    section(&mut text, &cut("Scans by day", report.days.len(), DAYS), &["day", ">scans", ">photos", ""], days);
    let most = report.hours.iter().map(|hour| hour.scans).max().unwrap_or(0);
    let hours = report
        .hours
        .iter()
        .map(|hour| vec![format!("{:02}:00", hour.local_hour), count(hour.scans), bar(hour.scans, most)]);
    section(&mut text, "Scans by local hour", &["hour", ">scans", ""], hours);
    let places = report.places.iter().map(|place| {
        let degrees = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.3}"));
        let (latitude, longitude) = (degrees(place.latitude), degrees(place.longitude));
        let (city, country) = (place.city.clone().unwrap_or_default(), place.country.clone().unwrap_or_default());
        vec![place.h3_cell.clone(), city, country, latitude, longitude, count(place.scans), count(place.photos)]
    });
    section(
        &mut text,
        &cut("Top places", report.places.len(), TOP),
        &["H3 cell", "town", "country", ">latitude", ">longitude", ">scans", ">photos"],
        places,
    );
    let campaigns = report.campaigns.iter().map(|campaign| {
        let (first, last) = (campaign.first_local_date.clone(), campaign.last_local_date.clone());
        vec![campaign.utm_campaign.clone(), count(campaign.scans), first, last]
    });
    let title = cut("Campaigns", report.campaigns.len(), TOP);
    section(&mut text, &title, &["campaign", ">dated scans", "first day", "last day"], campaigns);
    freshness(&mut text, report, now);
    text
}

fn summary(text: &mut String, report: &Report) {
    let totals = &report.totals;
    let (since, until) = (report.since.as_deref(), report.until.as_deref());
    if let Some(span) = match (since, until) {
        (Some(since), Some(until)) => Some(format!("since {since} until {until}")),
        (Some(since), None) => Some(format!("since {since}")),
        (None, Some(until)) => Some(format!("until {until}")),
        (None, None) => None,
    } {
        let _ = writeln!(text, "processed {span}");
    }
    let _ = writeln!(
        text,
        "{}: {} scanned ({} of {}), {} rejected",
        many(totals.photos, "photo"),
        count(totals.photos_scanned),
        many(totals.scans, "scan"),
        many(totals.products, "product"),
        count(totals.photos_rejected)
    );
    if totals.scans > 0 {
        let _ = writeln!(
            text,
            "{} without a local date, {} without a place",
            many(totals.scans_without_date, "scan"),
            count(totals.scans_without_place)
        );
    }
    if let (Some(rate), Some(seconds), Some(first)) = (
        report.throughput.photos_per_second,
        report.throughput.seconds,
        report.throughput.first_processed_at.as_deref(),
    ) {
        // Of photos that were read in one go the times say nothing of a rate.
        let _ = if seconds >= 1.0 {
            writeln!(text, "{rate:.1} photos/s over {} from {first}", duration(seconds))
        } else {
            writeln!(text, "all processed within a second of {first}")
        };
    }
}

fn spreads(text: &mut String, report: &Report) {
    let row = |name: &str, spread: Option<Percentiles>| {
        let spread = spread?;
        let figure = |value: f64| format!("{value:.3}");
        let told = |quantile, value| told(quantile, spread.photos, value).map_or_else(|| "–".to_owned(), figure);
        let (mean, p50, p99) = (figure(spread.mean), told(0.5, spread.p50), told(0.99, spread.p99));
        Some(vec![name.to_owned(), mean, p50, p99, count(spread.photos)])
    };
    let rows = [
        row("decode CPU, ms", report.decode_ms),
        row("upload to processed, s", report.upload_to_processed_seconds),
        row("upload to durable, s", report.upload_to_durable_seconds),
    ];
    section(text, "Per photo", &["", ">mean", ">p50", ">p99", ">photos"], rows.into_iter().flatten());
    if report.sampled_photos < report.totals.photos {
        let _ = writeln!(text, "(an even sample of {})", many(report.sampled_photos, "photo"));
    }
}

fn freshness(text: &mut String, report: &Report, now: Timestamp) {
    let freshness = &report.freshness;
    let now = utc_millis(now);
    let rows = [
        ("captured", &freshness.last_captured_at),
        ("uploaded", &freshness.last_uploaded_at),
        ("processed", &freshness.last_processed_at),
        ("sealed", &freshness.last_sealed_at),
        ("loaded", &freshness.last_loaded_at),
    ];
    let rows = rows.into_iter().filter_map(|(what, at)| {
        let at = at.as_deref()?;
        // Capture times come from cameras, some of which live in the future.
        let age = match seconds_between(Some(at), Some(&now))? {
            seconds if seconds < 0.0 => format!("in {}", duration(-seconds)),
            seconds => format!("{} ago", duration(seconds)),
        };
        Some(vec![what.to_owned(), at.to_owned(), age])
    });
    section(text, "Newest", &["", "time (UTC)", ">age"], rows);
    let _ = writeln!(
        text,
        "\n{} loaded with {}, {} of them current",
        many(freshness.batches, "batch"),
        many(freshness.rows_in_batches, "row"),
        count(freshness.rows_standing)
    );
}

/// A list's title; where the list is as long as it may be there is probably more.
fn cut(title: &str, length: usize, most: usize) -> String {
    match (length >= most, most) {
        (false, _) => title.to_owned(),
        (true, DAYS) => format!("{title}, the latest {DAYS}"),
        (true, _) => format!("{title}, the first {most}"),
    }
}

fn section(text: &mut String, title: &str, headers: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n{title}\n{}", table(headers, &rows));
    }
}

/// An aligned table. A header that begins with `>` aligns its column to the right.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let titles: Vec<String> = headers.iter().map(|header| header.trim_start_matches('>').to_owned()).collect();
    let lines: Vec<Vec<String>> =
        std::iter::once(&titles).chain(rows).map(|line| line.iter().map(|cell| printable(cell)).collect()).collect();
    let widths: Vec<usize> = (0..headers.len())
        .map(|index| {
            lines.iter().filter_map(|line| line.get(index)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).zip(headers).map(|((cell, &width), header)| {
            if header.starts_with('>') { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let joined = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "  {}", joined.trim_end());
    }
    text
}

/// Products, keys and campaigns are written by whoever prints a code: what would steer the terminal or turn the
/// direction of writing is shown as a mark.
fn printable(cell: &str) -> String {
    let unsafe_char = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    cell.chars().map(|c| if unsafe_char(c) { '\u{fffd}' } else { c }).collect()
}

/// So many of what one of them is called.
fn many(number: u64, one: &str) -> String {
    format!("{} {}", count(number), noun(number, one))
}

/// `1234567` as `1,234,567`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn bar(value: u64, most: u64) -> String {
    let length = (value as f64 / most.max(1) as f64 * BAR as f64).round() as usize;
    "#".repeat(length.max(usize::from(value > 0)))
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_disarm_what_came_from_a_code() {
        let rows = vec![vec!["tea\u{1b}[2J".to_owned(), "1,204".to_owned()], vec!["é".to_owned(), "7".to_owned()]];
        assert_eq!(
            table(&["product", ">scans"], &rows),
            "  product  scans\n  tea\u{fffd}[2J  1,204\n  é            7\n"
        );
    }

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([5.25, 600.0, 10_800.0, 864_000.0].map(duration), ["5.2 s", "10 min", "3.0 h", "10 days"]);
        assert_eq!((bar(0, 0), bar(1, 1_000).len(), bar(1_000, 1_000).len()), (String::new(), 1, BAR));
    }
}
