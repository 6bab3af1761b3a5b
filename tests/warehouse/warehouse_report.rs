//! Marts, report, and the commands over rejections.

use std::sync::Mutex;
use std::time::Duration;

use crate::warehouse_support::*;
use async_trait::async_trait;
use scanmill::cli::rejections::{Filter, ListArgs, ReplayArgs, Replayed, list, replay};
use scanmill::cli::report::{ReportArgs, printed};
use scanmill::domain::notification::{KeyEncoding, Notification, parse};
use scanmill::domain::{Reason, Row};
use scanmill::error::{Error, Result};
use scanmill::queue::{Depth, Message, Queue, ReceiptHandle};
use scanmill::warehouse::report::{Between, Percentiles, Report, report};
use scanmill::warehouse::sqlite::SqliteWarehouse;
use scanmill::warehouse::{Value, Warehouse};
use serde_json::json;

/// Changes each scan of a photo.
fn with(mut rows: Vec<Row>, change: impl Fn(&mut scanmill::domain::ScanRow)) -> Vec<Row> {
    for row in &mut rows {
        if let Row::Scan(scan) = row {
            change(scan);
        }
    }
    rows
}

/// Ten days of product p0, one photo a day and fifteen on the last; a launch photo with two codes; three rejections;
/// one photo that tells neither time nor place.
async fn stocked() -> (tempfile::TempDir, SqliteWarehouse) {
    let (folder, warehouse) = fresh().await;
    let mut photos = Vec::new();
    for day in 1..=20 {
        for number in 0..if day == 20 { 15 } else { 1 } {
            photos.push(with(scans(&format!("d{day:02}/{number}"), 0, 1), |scan| {
                scan.local_date = Some(format!("2026-11-{day:02}"));
                scan.local_hour = Some(8 + day % 2);
                scan.local_weekday = Some((day - 1) % 7 + 1);
                scan.decode_ms = f64::from(day as i32);
            }));
        }
    }
    photos.push(with(scans_at("launch", 0, 2, "2026-11-22T15:40:12.000Z"), |scan| scan.rung = "zxing_1000".into()));
    photos.push(with(scans("bare", 0, 1), |scan| {
        (scan.local_date, scan.local_hour, scan.local_weekday, scan.h3_cell) = (None, None, None, None);
        (scan.product_id, scan.payload_kind) = (None, "wifi".into());
    }));
    photos.push(rejection("bad/1", 0, "no_code"));
    photos.push(rejection("bad/2", 0, "no_code"));
    photos.push(rejection("worse", 3, "truncated"));
    let mut batches = Batches::default();
    batches.add("b1", photos);
    batches.add("b2", vec![scans("launch", 0, 1)]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    warehouse.load(&manifest(&["b2"]), &batches).await.unwrap();
    (folder, warehouse)
}

#[tokio::test]
async fn the_marts_answer_their_questions() {
    let (_folder, warehouse) = stocked().await;
    let cases = [
        ("SELECT COUNT(*), SUM(codes) FROM mart_photo", json!([39, 37])),
        (
            "SELECT product_id, scans, photos, h3_cells, place_by_scans FROM mart_product WHERE place_by_scans = 1",
            json!(["p0", 35, 35, 1, 1]),
        ),
        ("SELECT COUNT(*) FROM mart_product_day", json!([22])),
        (
            "SELECT scans_7_days, scans_7_days_before, growth FROM mart_product_trend
             WHERE product_id = 'p0' AND local_date = '2026-11-20'",
            // Fewer than ten scans in the week before are not enough for a growth.
            json!([21, 7, null]),
        ),
        ("SELECT local_date, scans FROM mart_product_anomaly WHERE unusual = 1", json!(["2026-11-20", 15])),
        ("SELECT scans, products, scans_so_far FROM mart_day WHERE local_date = '2026-11-22'", json!([2, 2, 36])),
        ("SELECT SUM(scans), ROUND(SUM(share), 6) FROM mart_hour_weekday", json!([36, 1.0])),
        ("SELECT h3_cell, scans, latitude FROM mart_h3_map", json!(["871f1d489ffffff", 36, 52.5])),
        ("SELECT country, region, city, SUM(scans) FROM mart_place_day", json!(["DE", "11", "Falkensee", 36])),
        ("SELECT utm_campaign, local_date, scans_so_far FROM mart_campaign_day", json!(["launch", "2026-11-22", 1])),
        ("SELECT product_id, campaign_days, other_days, lift FROM mart_campaign_lift", json!(["p1", 1, 0, null])),
        ("SELECT SUM(scans), SUM(photos), SUM(product_id = 'p1'), COUNT(brand) FROM mart_fact", json!([37, 36, 1, 0])),
        ("SELECT local_date, photos, is_new FROM mart_device_day WHERE is_new = 1", json!(["2026-11-01", 1, 1])),
        ("SELECT camera_model, photos, scans, share_with_place FROM mart_device", json!(["One", 36, 37, 1.0])),
        ("SELECT codes, photos, mean_decode_ms FROM mart_rung WHERE rung = 'zxing_1000'", json!([2, 1, 12.5])),
        ("SELECT scans, payloads FROM mart_payload WHERE payload_kind = 'wifi'", json!([1, 1])),
        ("SELECT photos, stage FROM mart_rejections WHERE reason = 'no_code'", json!([2, "decode"])),
        (
            "SELECT product_id_source, scans, products FROM mart_product_id_source WHERE products > 0",
            json!(["path", 37, 2]),
        ),
        ("SELECT captured_at_source, scans FROM mart_provenance", json!(["exif_original+offset", 37])),
        ("SELECT batches, rows_in_batches, rows_standing FROM mart_freshness", json!([2, 41, 40])),
    ];
    for (sql, expected) in cases {
        assert_eq!(Value::from(row(&warehouse, sql).await), expected, "{sql}");
    }
}

#[tokio::test]
async fn every_mart_equals_a_computation_of_its_own() {
    for story in 0..3 {
        let (folder, warehouse) = fresh().await;
        let file = rusqlite::Connection::open(folder.path().join("warehouse.sqlite")).unwrap();
        file.execute_batch(&marts::insert_products()).unwrap();
        marts::every_mart_equals_a_computation_of_its_own(story, &warehouse, &mut Batches::default()).await;
    }
}

#[tokio::test]
async fn every_column_of_a_mart_has_a_type() {
    let (_folder, warehouse) = fresh().await;
    let sql = "SELECT view.name, info.name, info.type FROM sqlite_schema AS view, pragma_table_info(view.name) AS info
               WHERE view.type = 'view'";
    let columns = warehouse.query(sql, &[]).await.unwrap().rows;
    assert!(columns.len() > 90, "{}", columns.len());
    for column in &columns {
        let is_real = ["share", "growth", "lift", "mean_", "median_", "robust_", "scans_per_", "latitude", "longitude"]
            .iter()
            .any(|name| column[1].as_str().unwrap().starts_with(name));
        let kind = column[2].as_str().unwrap();
        assert!(["TEXT", "INT", "INTEGER", "REAL"].contains(&kind) && (kind == "REAL") == is_real, "{column:?}");
    }
}

/// What is made for charts and to be passed on: a row of it may be of a single scan.
#[tokio::test]
async fn no_mart_and_no_report_says_where_a_photo_was_taken() {
    let (_folder, warehouse) = fresh().await;
    let (latitude, longitude) = (52.516_275, -13.377_704);
    let mut batches = Batches::default();
    let alone = with(scans("alone", 0, 1), |scan| (scan.latitude, scan.longitude) = (Some(latitude), Some(longitude)));
    batches.add("b1", vec![alone]);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let sql = "SELECT view.name, info.name FROM sqlite_schema AS view, pragma_table_info(view.name) AS info
               WHERE view.type = 'view'";
    let columns = warehouse.query(sql, &[]).await.unwrap().rows;
    let mut places = 0;
    for column in &columns {
        let (mart, column) = (column[0].as_str().unwrap(), column[1].as_str().unwrap());
        let exact = format!("SELECT COUNT(*) FROM {mart} WHERE {column} IN ({latitude}, {longitude})");
        assert_eq!(row(&warehouse, &exact).await, [json!(0)], "{mart}.{column}");
        let coarse = format!("SELECT COUNT(*) FROM {mart} WHERE {column} IN (52.52, -13.38)");
        places += row(&warehouse, &coarse).await[0].as_i64().unwrap();
    }
    assert_eq!(places, 6, "three marts have a place");
    let places = report(&warehouse, Between::default()).await.unwrap().places;
    assert_eq!((places[0].latitude, places[0].longitude), (Some(52.52), Some(-13.38)));
}

#[tokio::test]
async fn a_campaign_lifts_its_product_by_days() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    let on = |day: i64, number: i64, campaign: bool| {
        with(scans(&format!("{day}/{number}"), 0, 1), |scan| {
            scan.local_date = Some(format!("2026-11-{day:02}"));
            scan.utm_campaign = campaign.then(|| "fair".into());
        })
    };
    // A week of 2 scans a day but for one without any, then a campaign's week of 6 a day, half of them by the campaign.
    let quiet = (1..=7).filter(|day| *day != 4).flat_map(|day| (0..2).map(move |number| (day, number, false)));
    let loud = (8..=14).flat_map(|day| (0..6).map(move |number| (day, number, number % 2 == 0)));
    batches.add("b1", quiet.chain(loud).map(|(day, number, campaign)| on(day, number, campaign)).collect());
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let lift =
        row(&warehouse, "SELECT campaign_days, other_days, scans_per_campaign_day, lift FROM mart_campaign_lift");
    assert_eq!(Value::from(lift.await), json!([7, 7, 6.0, 3.5]));
}

/// A camera's clock falls back to the year it was made in; one day of it must not outweigh the days there are.
#[tokio::test]
async fn a_wrong_clock_changes_no_lift_no_trend_and_no_unusual_day() {
    let (_folder, warehouse) = fresh().await;
    let mut batches = Batches::default();
    let on = |name: String, date: String, campaign: bool| {
        with(scans(&name, 0, 1), |scan| {
            scan.local_date = Some(date.clone());
            scan.utm_campaign = campaign.then(|| "fair".into());
        })
    };
    let photos = (1..=28).flat_map(|day| (0..2 + day % 3 + if day >= 20 { 6 } else { 0 }).map(move |n| (day, n)));
    let photos = photos.map(|(day, n)| on(format!("{day}/{n}"), format!("2026-11-{day:02}"), (20..28).contains(&day)));
    batches.add("b1", photos.collect());
    let wrong = ["2000-01-01", "2005-06-07", "2025-11-27"];
    batches.add("b2", wrong.map(|date| on(date.into(), date.into(), date != "2005-06-07")).into());
    batches.add("b3", vec![on("a year ago".into(), "2025-11-28".into(), false)]);
    let mut told = Vec::new();
    for batch in ["b1", "b2", "b3"] {
        warehouse.load(&manifest(&[batch]), &batches).await.unwrap();
        let mut marts = Vec::new();
        for mart in ["mart_campaign_lift", "mart_product_anomaly", "mart_product_trend"] {
            let sql = format!("SELECT * FROM {mart} ORDER BY 1, 2, 3");
            marts.push(warehouse.query(&sql, &[]).await.unwrap().rows);
        }
        told.push(marts);
    }
    assert_eq!(told[1], told[0], "days before the calendar count as none");
    assert_eq!(told[1][0][0][3..5], [json!(8), json!(20)], "days of the campaign and others");
    // The first day of the calendar is one of it, and the 337 without a scan behind it.
    assert_eq!(told[2][0][0][3..5], [json!(8), json!(358)]);
}

#[tokio::test]
async fn the_report_counts_photos_and_codes_apart() {
    let (_folder, warehouse) = stocked().await;
    let Report { totals, throughput, rungs, rejections, products, days, hours, places, campaigns, freshness, .. } =
        report(&warehouse, Between::default()).await.unwrap();
    assert_eq!((totals.photos, totals.photos_scanned, totals.photos_rejected), (39, 36, 3));
    assert_eq!((totals.scans, totals.products, totals.scans_without_date, totals.scans_without_place), (37, 2, 1, 1));
    assert_eq!((throughput.seconds, throughput.photos_per_second), (Some(10.0), Some(3.9)));
    assert_eq!((rungs[0].codes, rungs[1].rung.as_str(), rungs[1].codes), (35, "zxing_1000", 2));
    assert_eq!((rejections[0].reason.as_str(), rejections[0].photos), ("no_code", 2));
    assert_eq!((products[0].product_id.as_str(), products[0].scans, products.len()), ("p0", 35, 2));
    assert_eq!((days.len(), days[0].local_date.as_str(), days[19].scans), (21, "2026-11-01", 15));
    assert_eq!(hours.iter().map(|hour| (hour.local_hour, hour.scans)).collect::<Vec<_>>(), [(8, 24), (9, 10), (16, 2)]);
    assert_eq!((places[0].scans, places[0].latitude), (36, Some(52.5)));
    assert_eq!((campaigns[0].utm_campaign.as_str(), campaigns[0].scans), ("launch", 1));
    assert_eq!((freshness.batches, freshness.rows_in_batches, freshness.rows_standing), (2, 41, 40));
}

#[tokio::test]
async fn spreads_are_per_photo_and_leave_replays_out_of_latency() {
    let (_folder, warehouse) = stocked().await;
    let report = report(&warehouse, Between::default()).await.unwrap();
    assert_eq!(report.sampled_photos, 39);
    // 35 dated photos with their day as milliseconds, and two with 12.5; rejections have no decode time.
    let decode = report.decode_ms.unwrap();
    assert_eq!((decode.photos, decode.p50, decode.p99), (36, 16.0, 20.0));
    // Revision 3 is a replay. One photo took 12 s, the others 2 s; all were sealed after 10 s.
    let processed = report.upload_to_processed_seconds.unwrap();
    assert_eq!((processed.photos, processed.p50, processed.p99), (38, 2.0, 12.0));
    let durable = Percentiles { photos: 38, mean: 10.0, p50: 10.0, p99: 10.0 };
    assert_eq!(report.upload_to_durable_seconds, Some(durable));
}

#[tokio::test]
async fn the_report_prints_tables_or_json_also_when_nothing_is_there() {
    let (_folder, warehouse) = stocked().await;
    let text = printed(&warehouse, &ReportArgs::default()).await.unwrap();
    for part in [
        "39 photos: 36 scanned (37 scans of 2 products), 3 rejected",
        "3.9 photos/s over 10.0 s",
        "What each rung won",
        "94.6 %",
        "  2026-11-20     15      15  ##############################",
        // Of 38 photos no p99 is told.
        "upload to durable, s    10.000  10.000    –      38",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let json: Value =
        serde_json::from_str(&printed(&warehouse, &ReportArgs { json: true, ..ReportArgs::default() }).await.unwrap())
            .unwrap();
    assert_eq!((&json["totals"]["photos"], &json["rungs"][0]["codes"]), (&json!(39), &json!(35)));

    let (_folder, warehouse) = fresh().await;
    let text = printed(&warehouse, &ReportArgs::default()).await.unwrap();
    assert!(text.starts_with("0 photos: 0 scanned"), "{text}");
    let json: Value =
        serde_json::from_str(&printed(&warehouse, &ReportArgs { json: true, ..ReportArgs::default() }).await.unwrap())
            .unwrap();
    assert_eq!((&json["decode_ms"], &json["throughput"]["photos_per_second"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_report_of_a_span_is_that_of_its_photos_alone() {
    let (_folder, warehouse) = fresh().await;
    // One photo a second, each third rejected, each fifth with two codes; the report of a span must be what a warehouse
    // with its photos alone says.
    let photo = |second: i64| {
        let at = format!("2026-11-22T15:40:{second:02}.000Z");
        let mut rows = if second % 3 == 0 {
            rejection(&format!("p{second}"), 0, "no_code")
        } else {
            scans_at(&format!("p{second}"), 0, 1 + i64::from(second % 5 == 0), &at)
        };
        rows.iter_mut().for_each(|row| row.lineage_mut().processed_at.clone_from(&at));
        with(rows, |scan| scan.local_date = Some(format!("2026-11-{:02}", 1 + second / 10)))
    };
    let mut batches = Batches::default();
    batches.add("b1", (0..60).map(photo).collect());
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let at = |second: i64| Some(format!("2026-11-22T15:40:{second:02}Z").parse().unwrap());
    for (since, until, seconds) in [
        (None, None, 0..60),
        (at(0), at(59), 0..59),
        (at(20), at(40), 20..40),
        (at(45), None, 45..60),
        (None, at(1), 0..1),
        (None, at(0), 0..0),
    ] {
        let (_folder, alone) = fresh().await;
        let mut batches = Batches::default();
        batches.add("b1", seconds.map(photo).collect());
        alone.load(&manifest(&["b1"]), &batches).await.unwrap();
        let mut of_span = report(&warehouse, Between { since, until }).await.unwrap();
        let of_alone = report(&alone, Between::default()).await.unwrap();
        assert_eq!(of_span.since.is_some(), since.is_some());
        (of_span.since, of_span.until) = (None, None);
        // How fresh the warehouse is has no span.
        of_span.freshness = of_alone.freshness.clone();
        assert_eq!(of_span, of_alone, "{since:?} {until:?}");
        // The marts count alike.
        let days = alone.query("SELECT local_date, scans, photos FROM mart_day ORDER BY 1", &[]).await.unwrap().rows;
        let told = of_alone.days.iter().map(|day| vec![json!(day.local_date), json!(day.scans), json!(day.photos)]);
        assert_eq!(days, told.collect::<Vec<_>>());
        let sql = "SELECT rung, codes, photos, share, mean_decode_ms FROM mart_rung ORDER BY codes DESC, rung";
        let rungs = alone.query(sql, &[]).await.unwrap().rows;
        let told = of_alone
            .rungs
            .iter()
            .map(|r| vec![json!(r.rung), json!(r.codes), json!(r.photos), json!(r.share), json!(r.mean_decode_ms)]);
        assert_eq!(rungs, told.collect::<Vec<_>>());
        let sql =
            "SELECT product_id, scans, share, h3_cells FROM mart_product ORDER BY scans DESC, product_id LIMIT 10";
        let products = alone.query(sql, &[]).await.unwrap().rows;
        let told = of_alone
            .products
            .iter()
            .map(|p| vec![json!(p.product_id), json!(p.scans), json!(p.share), json!(p.h3_cells)]);
        assert_eq!(products, told.collect::<Vec<_>>());
    }
    let args = |since, until| ReportArgs { since, until, csv: true, ..ReportArgs::default() };
    let csv = printed(&warehouse, &args(at(20), at(40))).await.unwrap();
    for line in [
        "section,row,field,value",
        "report,1,since,2026-11-22T15:40:20.000Z",
        "totals,1,photos,20",
        "rejections,1,photos,7",
        "products,2,product_id,p1",
        "days,1,local_date,2026-11-03",
    ] {
        assert!(csv.lines().any(|told| told == line), "{line} is not in\n{csv}");
    }
    let error = printed(&warehouse, &args(at(40), at(20))).await.unwrap_err();
    assert!(error.report().contains("--until must be later than --since"), "{}", error.report());
}

/// Keeps what is sent.
#[derive(Default)]
struct Sent(Mutex<Vec<String>>);

#[async_trait]
impl Queue for Sent {
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Message>> {
        Ok(Vec::new())
    }
    async fn delete(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        Ok(receipts.iter().map(|_| Ok(())).collect())
    }
    async fn extend(&self, receipts: &[ReceiptHandle], _: Duration) -> Result<Vec<Result<(), Error>>> {
        Ok(receipts.iter().map(|_| Ok(())).collect())
    }
    async fn send(&self, bodies: &[String]) -> Result<()> {
        self.0.lock().unwrap().extend_from_slice(bodies);
        Ok(())
    }
    async fn depth(&self) -> Result<Depth> {
        Ok(Depth::default())
    }
}

/// Key, upload time and revision of every photo sent, in order of their keys.
fn sent(queue: &Sent) -> Vec<String> {
    let of_body = |body: &String| match parse(body, KeyEncoding::Form) {
        Ok(Notification::Photos { photos, revision }) => {
            let photo = &photos[0];
            format!("{} {} {revision}", photo.key, photo.uploaded_at.unwrap())
        }
        other => panic!("{other:?}"),
    };
    let mut sent: Vec<String> = queue.0.lock().unwrap().iter().map(of_body).collect();
    sent.sort();
    sent
}

fn replay_args(filter: Filter) -> ReplayArgs {
    ReplayArgs { filter, dry_run: false, json: false }
}

#[tokio::test]
async fn a_replay_sends_each_matching_photo_with_the_next_revision() {
    let (_folder, warehouse) = stocked().await;
    let since = |time: &str| Some(time.parse().unwrap());
    let cases = [
        (
            Filter::default(),
            vec!["bad/1 2026-11-22T15:40:00Z 1", "bad/2 2026-11-22T15:40:00Z 1", "worse 2026-11-22T15:40:00Z 4"],
        ),
        (Filter { reasons: vec![Reason::Truncated], ..Filter::default() }, vec!["worse 2026-11-22T15:40:00Z 4"]),
        (Filter { key_prefix: Some("BAD/".into()), ..Filter::default() }, vec![]),
        (
            Filter {
                reasons: vec![Reason::NoCode, Reason::Truncated],
                since: since("2026-11-22T15:40:02Z"),
                key_prefix: Some("bad/".into()),
            },
            vec!["bad/1 2026-11-22T15:40:00Z 1", "bad/2 2026-11-22T15:40:00Z 1"],
        ),
        (Filter { since: since("2026-11-22T15:40:02.001Z"), ..Filter::default() }, vec![]),
    ];
    for (filter, expected) in cases {
        let queue = Sent::default();
        let done = replay(&warehouse, &queue, &replay_args(filter.clone())).await.unwrap();
        assert_eq!(sent(&queue), expected);
        let count = expected.len() as u64;
        assert_eq!(done, Replayed { matched: count, sent: count, skipped: 0, dry_run: false });

        let queue = Sent::default();
        let dry = ReplayArgs { dry_run: true, ..replay_args(filter) };
        let done = replay(&warehouse, &queue, &dry).await.unwrap();
        assert_eq!(done, Replayed { matched: count, sent: 0, skipped: 0, dry_run: true });
        assert!(queue.0.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_replay_goes_through_pages_and_skips_what_names_no_photo() {
    let (_folder, warehouse) = fresh().await;
    let mut photos: Vec<Vec<Row>> = (0..2_345).map(|n| rejection(&format!("p{n}"), 0, "timed_out")).collect();
    let mut unnamed = rejection("", 0, "bad_notification");
    let Row::Rejection(row) = &mut unnamed[0] else { unreachable!() };
    row.lineage.photo_id = "message 7".into();
    photos.push(unnamed);
    let mut batches = Batches::default();
    batches.add("b1", photos);
    warehouse.load(&manifest(&["b1"]), &batches).await.unwrap();
    let queue = Sent::default();
    let done = replay(&warehouse, &queue, &replay_args(Filter::default())).await.unwrap();
    assert_eq!(done, Replayed { matched: 2_346, sent: 2_345, skipped: 1, dry_run: false });
    let mut sent = sent(&queue);
    sent.dedup();
    assert_eq!(sent.len(), 2_345);
}

#[tokio::test]
async fn the_list_is_a_table_or_json_lines_and_says_when_there_is_more() {
    let (_folder, warehouse) = stocked().await;
    let args = |limit, json| ListArgs { filter: Filter::default(), limit, json };
    let (text, more) = list(&warehouse, &args(100, false)).await.unwrap();
    assert!(!more && text.contains("inbox/bad/1") && text.contains("four rungs found nothing"), "{text}");
    let (text, more) = list(&warehouse, &args(2, true)).await.unwrap();
    assert!(more);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["bucket"], &lines[0]["stage"]), (2, &json!("inbox"), &json!("decode")));
    let none = Filter { reasons: vec![Reason::TimedOut], ..Filter::default() };
    let (text, more) = list(&warehouse, &ListArgs { filter: none, limit: 100, json: false }).await.unwrap();
    assert_eq!((text.as_str(), more), ("no rejections match\n", false));
}
