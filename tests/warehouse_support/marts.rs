//! Every mart computed again from the rows, by other means than SQL's: what each warehouse must answer.
#![allow(dead_code, reason = "each test binary uses its own part")]

mod figures;
mod stories;

use std::collections::{BTreeMap, BTreeSet};

use scanmill::domain::{RejectionRow, Row, ScanRow};
use scanmill::warehouse::schema;
use scanmill::warehouse::{Value, Warehouse};
use serde_json::json;

use self::figures::{coarse, date_of, day_of, distinct, groups, mean, median, photos, ranks};
pub use self::stories::photos_of_story;
use self::stories::{STORIES, photos_of};
use super::manifest_in;
use super::rules::{Shelf, add};

/// Loads a story into what [`insert_products`] was run on and compares every mart.
pub async fn every_mart_equals_a_computation_of_its_own(story: usize, to: &dyn Warehouse, shelf: &mut dyn Shelf) {
    let story = &STORIES[story];
    let photos = photos_of(story);
    add(shelf, "b1", photos.clone());
    // What is read twice counts once, in the freshness too.
    add(shelf, "b2", photos.iter().take(3).cloned().collect());
    for batch in ["b1", "b2"] {
        to.load(&manifest_in(shelf.bucket(), &[batch]), shelf.source()).await.unwrap();
    }
    let (mut seen, mut rejected) = (Vec::new(), Vec::new());
    for row in photos.iter().flatten() {
        match row {
            Row::Scan(scan) => seen.push(&**scan),
            Row::Rejection(row) => rejected.push(&**row),
        }
    }
    let rows_read = seen.len() + rejected.len() + photos.iter().take(3).map(Vec::len).sum::<usize>();
    let computed = computed(&seen, &rejected, rows_read);
    let marts: BTreeSet<&str> = computed.iter().map(|(mart, ..)| *mart).collect();
    let there = schema::marts::names().filter(|name| name.starts_with("mart_"));
    assert_eq!(marts, there.collect(), "each mart is computed");
    for (mart, columns, expected) in computed {
        assert!(!expected.is_empty(), "{}: {mart} is not tested", story.name);
        let answer = to.query(&format!("SELECT {columns} FROM {mart}"), &[]).await.unwrap();
        assert_eq!(sorted(answer.rows), sorted(expected), "{}: {mart} ({columns})", story.name);
    }
}

/// Id, host, name, brand and category of a row of `products`.
type Named = (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<&'static str>);

/// What an analyst has filled into `products`.
const NAMED: [Named; 4] = [
    ("p0", None, Some("Tea"), Some("Leaf"), Some("drinks")),
    ("p0", Some("flat.example"), Some("It's a flat"), Some(""), None),
    ("p2", Some(""), Some("Vase"), None, Some("home")),
    ("p9", None, Some("nobody scans it"), None, None),
];

/// The statement that fills it.
pub fn insert_products() -> String {
    let text =
        |value: Option<&str>| value.map_or("NULL".to_owned(), |value| format!("'{}'", value.replace('\'', "''")));
    let row = |row: &(&str, Option<&str>, Option<&str>, Option<&str>, Option<&str>)| {
        format!("('{}', {}, {}, {}, {})", row.0, text(row.1), text(row.2), text(row.3), text(row.4))
    };
    let rows: Vec<String> = NAMED.iter().map(row).collect();
    format!("INSERT INTO products (product_id, url_host, name, brand, category) VALUES {}", rows.join(", "))
}

/// Name, brand and category of a product; what is said of its host goes before.
fn named(product_id: &str, host: Option<&str>) -> [Value; 3] {
    let of_product = || NAMED.iter().filter(move |row| row.0 == product_id);
    let of_host = of_product().filter(|row| host.is_some() && row.1 == host);
    let of_any_host = of_product().filter(|row| row.1.unwrap_or("").is_empty());
    let mut found = [Value::Null, Value::Null, Value::Null];
    for row in of_host.chain(of_any_host) {
        for (place, value) in [row.2, row.3, row.4].into_iter().enumerate() {
            if let Some(value) = value.filter(|value| !value.is_empty())
                && found[place].is_null()
            {
                found[place] = json!(value);
            }
        }
    }
    found
}

/// Answers with the names of their products behind each row, which gives the places of id and host.
fn with_names(answer: (&'static str, &'static str, Vec<Vec<Value>>), id: usize, host: usize) -> Answer {
    let (mart, columns, mut rows) = answer;
    for row in &mut rows {
        let names = named(row[id].as_str().unwrap_or_default(), row[host].as_str());
        row.extend(names);
    }
    (mart, format!("{columns}, product_name, brand, category"), rows)
}

fn plain((mart, columns, rows): (&'static str, &'static str, Vec<Vec<Value>>)) -> Answer {
    (mart, columns.to_owned(), rows)
}

type Answer = (&'static str, String, Vec<Vec<Value>>);
/// Product id and host.
type Product = (String, Option<String>);

fn computed(seen: &[&ScanRow], rejected: &[&RejectionRow], rows_read: usize) -> Vec<Answer> {
    let mut all = of_products(seen);
    all.extend(of_days_and_places(seen));
    all.extend(of_facts(seen));
    all.extend(of_campaigns(seen));
    all.extend(of_readings(seen, rejected, rows_read));
    all
}

fn of_products(seen: &[&ScanRow]) -> Vec<Answer> {
    let product = |scan: &ScanRow| Some((scan.product_id.clone()?, scan.url_host.clone()));
    let products = groups(seen, product);
    let named: usize = products.values().map(Vec::len).sum();
    let by_scans = ranks(products.iter().map(|(product, scans)| (product.clone(), scans.len())));
    let whole = products.iter().map(|(product, scans)| {
        let dates = || scans.iter().filter_map(|scan| scan.local_date.clone());
        vec![
            json!(product.0),
            json!(scans[0].product_id_source),
            json!(product.1),
            json!(scans.len()),
            json!(distinct(scans, |scan| Some(scan.lineage.photo_id.clone()))),
            json!(distinct(scans, |scan| scan.h3_cell.clone())),
            json!(dates().min()),
            json!(dates().max()),
            json!(by_scans[product]),
            json!(scans.len() as f64 / named as f64),
        ]
    });
    let days = groups(seen, |scan| Some((scan.local_date.clone()?, product(scan)?)));
    let mut by_day = BTreeMap::new();
    for date in days.keys().map(|(date, _)| date.clone()).collect::<BTreeSet<_>>() {
        let of_date = days.iter().filter(|((on, _), _)| *on == date);
        let places = ranks(of_date.map(|((_, product), scans)| (product.clone(), scans.len())));
        by_day.insert(date.clone(), places);
    }
    let daily = days.iter().map(|((date, product), scans)| {
        let photos = distinct(scans, |scan| Some(scan.lineage.photo_id.clone()));
        let place = by_day[date][product];
        vec![json!(date), json!(product.0), json!(product.1), json!(scans.len()), json!(photos), json!(place)]
    });
    let counts = counts_by_day(seen);
    vec![
        with_names(
            (
                "mart_product",
                "product_id, product_id_source, url_host, scans, photos, h3_cells, first_local_date, last_local_date,
                 place_by_scans, share",
                whole.collect(),
            ),
            0,
            2,
        ),
        with_names(
            ("mart_product_day", "local_date, product_id, url_host, scans, photos, place_on_day", daily.collect()),
            1,
            2,
        ),
        with_names(
            (
                "mart_product_trend",
                "product_id, url_host, local_date, scans, scans_7_days, scans_7_days_before, growth",
                trend(&counts),
            ),
            0,
            1,
        ),
        with_names(
            (
                "mart_product_anomaly",
                "product_id, url_host, local_date, scans, median_scans, median_deviation, robust_score, unusual",
                anomalies(&counts),
            ),
            0,
            1,
        ),
    ]
}

/// Days of a product's calendar, which ends with its last day.
const CALENDAR_DAYS: i64 = 366;

/// Scans of each product on each day of its calendar that has some.
fn counts_by_day(seen: &[&ScanRow]) -> BTreeMap<Product, BTreeMap<i64, i64>> {
    let mut counts: BTreeMap<Product, BTreeMap<i64, i64>> = BTreeMap::new();
    for scan in seen {
        if let (Some(product), Some(date)) = (&scan.product_id, &scan.local_date) {
            let days = counts.entry((product.clone(), scan.url_host.clone())).or_default();
            *days.entry(day_of(date)).or_default() += 1;
        }
    }
    for days in counts.values_mut() {
        let last = *days.keys().last().unwrap();
        days.retain(|day, _| *day > last - CALENDAR_DAYS);
    }
    counts
}

/// Day by day over the whole calendar.
fn trend(counts: &BTreeMap<Product, BTreeMap<i64, i64>>) -> Vec<Vec<Value>> {
    let last = *counts.values().filter_map(|days| days.keys().last()).max().unwrap();
    let mut rows = Vec::new();
    for (product, days) in counts {
        let first = *days.keys().next().unwrap();
        for day in first..=last {
            let between = |from: i64, to: i64| (from..=to).filter_map(|day| days.get(&day)).sum::<i64>();
            let (week, before) = (between(day - 6, day), between(day - 13, day - 7));
            if week + before == 0 {
                continue;
            }
            let growth = (day - first >= 13 && before >= 10).then(|| week as f64 / before as f64);
            rows.push(vec![
                json!(product.0),
                json!(product.1),
                json!(date_of(day)),
                json!(between(day, day)),
                json!((day - first >= 6).then_some(week)),
                json!((day - first >= 13).then_some(before)),
                json!(growth),
            ]);
        }
    }
    rows
}

fn anomalies(counts: &BTreeMap<Product, BTreeMap<i64, i64>>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for (product, days) in counts {
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
        let all: Vec<f64> = (first..=last).map(|day| days.get(&day).map_or(0.0, |count| *count as f64)).collect();
        if all.len() < 14 {
            continue;
        }
        let middle = median(all.clone());
        let deviations: Vec<f64> = all.iter().map(|count| (count - middle).abs()).collect();
        let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
        let deviation = median(deviations);
        let spread = if deviation > 0.0 { 1.4826 * deviation } else { 1.2533 * mean };
        for day in first..=last {
            let count = all[(day - first) as usize];
            if count == 0.0 && !days.contains_key(&(day - 1)) {
                continue;
            }
            let score = if spread > 0.0 { (count - middle) / spread } else { 0.0 };
            let is_unusual = score.abs() > 3.5 && (count - middle).abs() >= 5.0;
            rows.push(vec![
                json!(product.0),
                json!(product.1),
                json!(date_of(day)),
                json!(count as i64),
                json!(middle),
                json!(deviation),
                json!(score),
                json!(i64::from(is_unusual)),
            ]);
        }
    }
    rows
}

fn of_days_and_places(seen: &[&ScanRow]) -> Vec<Answer> {
    let mut so_far = 0;
    let days = groups(seen, |scan| scan.local_date.clone());
    let daily = days.iter().map(|(date, scans)| {
        so_far += scans.len();
        let products = distinct(scans, |scan| scan.product_id.clone());
        vec![json!(date), json!(scans.len()), json!(photos(scans)), json!(products), json!(so_far)]
    });
    let daily = daily.collect();
    let hours = groups(seen, |scan| Some((scan.local_weekday?, scan.local_hour?)));
    let dated: usize = hours.values().map(Vec::len).sum();
    let hourly = hours.iter().map(|((weekday, hour), scans)| {
        vec![json!(weekday), json!(hour), json!(scans.len()), json!(scans.len() as f64 / dated as f64)]
    });
    let cells = groups(seen, |scan| scan.h3_cell.clone());
    let placed = cells.iter().map(|(cell, scans)| {
        let times = || scans.iter().filter_map(|scan| scan.captured_local.clone());
        vec![
            json!(cell),
            json!(scans.len()),
            json!(photos(scans)),
            json!(distinct(scans, |scan| scan.product_id.clone())),
            json!(coarse(scans.iter().filter_map(|scan| scan.latitude))),
            json!(coarse(scans.iter().filter_map(|scan| scan.longitude))),
            json!(times().min()),
            json!(times().max()),
        ]
    });
    let towns = groups(seen, |scan| {
        let place = (scan.country.clone()?, scan.region.clone(), scan.city.clone());
        Some((scan.local_date.clone()?, place))
    });
    let named = towns.iter().map(|((date, (country, region, city)), scans)| {
        vec![
            json!(date),
            json!(country),
            json!(region),
            json!(city),
            json!(scans.len()),
            json!(photos(scans)),
            json!(distinct(scans, |scan| scan.product_id.clone())),
            json!(coarse(scans.iter().filter_map(|scan| scan.latitude))),
            json!(coarse(scans.iter().filter_map(|scan| scan.longitude))),
        ]
    });
    vec![
        plain((
            "mart_place_day",
            "local_date, country, region, city, scans, photos, products, latitude, longitude",
            named.collect(),
        )),
        plain(("mart_day", "local_date, scans, photos, products, scans_so_far", daily)),
        plain(("mart_hour_weekday", "local_weekday, local_hour, scans, share", hourly.collect())),
        plain((
            "mart_h3_map",
            "h3_cell, scans, photos, products, latitude, longitude, first_captured_local, last_captured_local",
            placed.collect(),
        )),
    ]
}

/// All that charts share their filters by, and the models of devices by day.
fn of_facts(seen: &[&ScanRow]) -> Vec<Answer> {
    let parent = |cell: &Option<String>, resolution| {
        let cell: h3o::CellIndex = cell.as_ref()?.parse().unwrap();
        Some(cell.parent(resolution).unwrap().to_string())
    };
    let facts = groups(seen, |scan| {
        let of_code = (scan.product_id.clone(), scan.url_host.clone());
        let campaign = (scan.utm_campaign.clone(), scan.utm_source.clone(), scan.utm_medium.clone());
        let device = (scan.camera_make.clone(), scan.camera_model.clone());
        let place = (scan.h3_cell.clone(), scan.country.clone(), scan.region.clone(), scan.city.clone());
        Some((scan.local_date.clone(), scan.local_hour, of_code, place, campaign, device))
    });
    let of_facts = facts.iter().map(|((date, hour, of_code, place, campaign, device), scans)| {
        let (cell, country, region, city) = place;
        vec![
            json!(date),
            json!(scans[0].local_weekday),
            json!(hour),
            json!(of_code.0),
            json!(of_code.1),
            json!(cell),
            json!(parent(cell, h3o::Resolution::Five)),
            json!(parent(cell, h3o::Resolution::Three)),
            json!(country),
            json!(region),
            json!(city),
            json!(coarse(scans.iter().filter_map(|scan| scan.latitude))),
            json!(coarse(scans.iter().filter_map(|scan| scan.longitude))),
            json!(campaign.0),
            json!(campaign.1),
            json!(campaign.2),
            json!(device.0),
            json!(device.1),
            json!(scans.len()),
            json!(scans.iter().filter(|scan| scan.qr_index == 0).count()),
        ]
    });
    let devices = groups(seen, |scan| {
        Some((scan.camera_make.clone(), scan.camera_model.clone().filter(|_| scan.local_date.is_some())?))
    });
    let mut of_devices = Vec::new();
    for ((make, model), scans) in &devices {
        let days = groups(scans, |scan| scan.local_date.clone());
        let first = days.keys().next().unwrap().clone();
        of_devices.extend(days.iter().map(|(date, scans)| {
            let codes = scans.iter().filter(|scan| scan.qr_index == 0).count();
            let is_new = i64::from(*date == first);
            vec![json!(date), json!(make), json!(model), json!(scans.len()), json!(codes), json!(first), json!(is_new)]
        }));
    }
    vec![
        with_names(
            (
                "mart_fact",
                "local_date, local_weekday, local_hour, product_id, url_host, h3_cell, h3_cell_5, h3_cell_3, country,
                 region, city, latitude, longitude, utm_campaign, utm_source, utm_medium, camera_make, camera_model, scans, photos",
                of_facts.collect(),
            ),
            3,
            4,
        ),
        plain((
            "mart_device_day",
            "local_date, camera_make, camera_model, scans, photos, first_local_date, is_new",
            of_devices,
        )),
    ]
}

fn of_campaigns(seen: &[&ScanRow]) -> Vec<Answer> {
    let days = groups(seen, |scan| {
        let campaign = (scan.utm_campaign.clone()?, scan.utm_source.clone(), scan.utm_medium.clone());
        Some((campaign, scan.local_date.clone()?))
    });
    let mut so_far: BTreeMap<_, usize> = BTreeMap::new();
    let daily = days.iter().map(|((campaign, date), scans)| {
        let so_far = so_far.entry(campaign.clone()).or_default();
        *so_far += scans.len();
        vec![
            json!(campaign.0),
            json!(campaign.1),
            json!(campaign.2),
            json!(date),
            json!(scans.len()),
            json!(distinct(scans, |scan| scan.product_id.clone())),
            json!(distinct(scans, |scan| scan.h3_cell.clone())),
            json!(*so_far),
        ]
    });
    let daily = daily.collect();
    let periods = groups(seen, |scan| {
        scan.local_date.as_ref()?;
        Some((scan.utm_campaign.clone()?, (scan.product_id.clone()?, scan.url_host.clone())))
    });
    let counts = counts_by_day(seen);
    let lifts = periods.iter().filter_map(|((campaign, product), scans)| {
        let days = &counts[product];
        let seen_on = scans.iter().filter_map(|scan| Some(day_of(scan.local_date.as_ref()?)));
        let seen_on: BTreeSet<i64> = seen_on.filter(|day| days.contains_key(day)).collect();
        let (from, to) = (*seen_on.first()?, *seen_on.last()?);
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
        let (mut inside, mut outside) = ((0, 0), (0, 0));
        for day in first..=last {
            let side = if (from..=to).contains(&day) { &mut inside } else { &mut outside };
            side.0 += 1;
            side.1 += days.get(&day).copied().unwrap_or(0);
        }
        let rate = |(days, scans): (i64, i64)| (days > 0).then(|| scans as f64 / days as f64);
        let is_enough = inside.0 >= 7 && outside.0 >= 7 && outside.1 >= 10;
        Some(vec![
            json!(campaign),
            json!(product.0),
            json!(product.1),
            json!(inside.0),
            json!(outside.0),
            json!(rate(inside)),
            json!(rate(outside)),
            json!(is_enough.then(|| rate(inside).unwrap() / rate(outside).unwrap())),
        ])
    });
    vec![
        plain((
            "mart_campaign_day",
            "utm_campaign, utm_source, utm_medium, local_date, scans, products, h3_cells, scans_so_far",
            daily,
        )),
        with_names(
            (
                "mart_campaign_lift",
                "utm_campaign, product_id, url_host, campaign_days, other_days, scans_per_campaign_day,
                 scans_per_other_day, lift",
                lifts.collect(),
            ),
            1,
            2,
        ),
    ]
}

fn of_readings(seen: &[&ScanRow], rejected: &[&RejectionRow], rows_read: usize) -> Vec<Answer> {
    let photo_ids = |scans: &[&ScanRow]| distinct(scans, |scan| Some(scan.lineage.photo_id.clone()));
    let firsts: Vec<&ScanRow> = seen.iter().copied().filter(|scan| scan.qr_index == 0).collect();
    let of_photos = firsts
        .iter()
        .map(|scan| vec![json!(scan.lineage.photo_id), json!("scanned"), json!(scan.qr_count), Value::Null])
        .chain(
            rejected
                .iter()
                .map(|row| vec![json!(row.lineage.photo_id), json!("rejected"), json!(0), json!(row.reason)]),
        );
    let devices = groups(&firsts, |scan| Some((scan.camera_make.clone(), scan.camera_model.clone())));
    let of_devices = devices.iter().map(|((make, model), scans)| {
        let share =
            |has: fn(&ScanRow) -> bool| scans.iter().filter(|scan| has(scan)).count() as f64 / scans.len() as f64;
        vec![
            json!(make),
            json!(model),
            json!(scans.len()),
            json!(scans.iter().map(|scan| scan.qr_count).sum::<i64>()),
            json!(mean(scans.iter().map(|scan| scan.decode_ms))),
            json!(share(|scan| scan.latitude.is_some())),
            json!(share(|scan| scan.captured_at.is_some())),
        ]
    });
    let part = |count: usize, of: usize| json!(count as f64 / of as f64);
    let rungs = groups(seen, |scan| Some(scan.rung.clone()));
    let of_rungs = rungs.iter().map(|(rung, scans)| {
        let first_read = scans.iter().filter(|scan| scan.qr_index == 0).map(|scan| scan.decode_ms);
        let share = part(scans.len(), seen.len());
        vec![json!(rung), json!(scans.len()), json!(photo_ids(scans)), share, json!(mean(first_read))]
    });
    let kinds = groups(seen, |scan| Some((scan.payload_kind.clone(), scan.url_host.clone())));
    let of_kinds = kinds.iter().map(|((kind, host), scans)| {
        let payloads = distinct(scans, |scan| Some(scan.payload.clone()));
        vec![json!(kind), json!(host), json!(scans.len()), json!(photo_ids(scans)), json!(payloads)]
    });
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for row in rejected {
        reasons.entry((&row.stage, &row.reason)).or_default().push(&row.lineage.processed_at);
    }
    let of_reasons = reasons.iter().map(|((stage, reason), times)| {
        let share = part(times.len(), rejected.len());
        vec![
            json!(stage),
            json!(reason),
            json!(times.len()),
            share,
            json!(times.iter().min()),
            json!(times.iter().max()),
        ]
    });
    let sources = groups(seen, |scan| Some(scan.product_id_source.clone()));
    let of_sources = sources.iter().map(|(source, scans)| {
        let products = distinct(scans, |scan| scan.product_id.clone());
        vec![json!(source), json!(scans.len()), json!(products), part(scans.len(), seen.len())]
    });
    let trusts = groups(seen, |scan| Some((scan.captured_at_source.clone(), scan.geo_source.clone())));
    let of_trusts = trusts.iter().map(|((time, place), scans)| {
        vec![json!(time), json!(place), json!(scans.len()), part(scans.len(), seen.len())]
    });
    let freshness = vec![
        json!(seen.iter().filter_map(|scan| scan.captured_at.clone()).max()),
        json!("2026-11-22T15:40:00.000Z"),
        json!("2026-11-22T15:40:02.000Z"),
        json!("2026-11-22T15:40:10.000Z"),
        json!(2),
        json!(rows_read),
        json!(seen.len() + rejected.len()),
    ];
    let answers = vec![
        ("mart_photo", "photo_id, outcome, codes, reason", of_photos.collect()),
        (
            "mart_device",
            "camera_make, camera_model, photos, scans, mean_decode_ms, share_with_place, share_with_instant",
            of_devices.collect(),
        ),
        ("mart_rung", "rung, codes, photos, share, mean_decode_ms", of_rungs.collect()),
        ("mart_payload", "payload_kind, url_host, scans, photos, payloads", of_kinds.collect()),
        (
            "mart_rejections",
            "stage, reason, photos, share, first_processed_at, last_processed_at",
            of_reasons.collect(),
        ),
        ("mart_product_id_source", "product_id_source, scans, products, share", of_sources.collect()),
        ("mart_provenance", "captured_at_source, geo_source, scans, share", of_trusts.collect()),
        (
            "mart_freshness",
            "last_captured_at, last_uploaded_at, last_processed_at, last_sealed_at, batches, rows_in_batches,
             rows_standing",
            vec![freshness],
        ),
    ];
    answers.into_iter().map(plain).collect()
}

/// Rows as texts in order; real numbers to nine digits, whole ones as integers.
fn sorted(rows: Vec<Vec<Value>>) -> Vec<String> {
    let cell = |value: &Value| match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() != 0.0 => format!("{number:.9}"),
        Some(number) => format!("{number}"),
        None => value.to_string(),
    };
    let row = |row: Vec<Value>| row.iter().map(cell).collect::<Vec<_>>().join(" | ");
    let mut rows: Vec<String> = rows.into_iter().map(row).collect();
    rows.sort();
    rows
}
