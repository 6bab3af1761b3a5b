//! Places, products, placements, campaigns and outages of a story.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::super::world::{Campaign, Kernel, Outage, Place, Placement, Product, Reach};
use super::super::{ProductColumns, Utm, zones};
use super::reader::Table;
use scanmill_core::diagnostics::nearest;

/// The longest address: its code is still read from a small photo.
const MOST_URL_BYTES: usize = 200;

/// Who and what a story has.
#[derive(Debug, Default)]
pub(super) struct Cast {
    /// Places.
    pub places: Vec<Place>,
    /// Products.
    pub products: Vec<Product>,
    /// Placements.
    pub placements: Vec<Placement>,
    /// Campaigns.
    pub campaigns: Vec<Campaign>,
    /// Outages.
    pub outages: Vec<Outage>,
}

impl Cast {
    /// Reads them all. A product without a weight has interest 1/n^`zipf`, n its place in the list.
    pub(super) fn read(root: &Table<'_>, zipf: f64) -> Self {
        let mut cast = Self::default();
        let mut seen = HashSet::new();
        let mut twice = |table: &Table<'_>, kind: &str, key: &str, value: &str| {
            if !seen.insert(format!("{kind}.{key} {value}")) {
                table.wrong(key, format!("\"{value}\" appears twice"), "expected each once");
            }
        };
        for table in root.tables("place") {
            if let Some(place) = place(&table) {
                twice(&table, "place", "name", &place.name);
                cast.places.push(place);
            }
            table.finish();
        }
        for (nth, table) in root.tables("product").into_iter().enumerate() {
            if let Some(product) = cast.product(&table, (nth as f64 + 1.0).powf(-zipf)) {
                twice(&table, "product", "name", &product.name);
                twice(&table, "product", "url", &product.url);
                cast.products.push(product);
            }
            table.finish();
        }
        for (key, missing, weightless) in [
            ("place", cast.places.is_empty(), cast.places.iter().all(|place| place.weight <= 0.0)),
            ("product", cast.products.is_empty(), false),
        ] {
            if missing && !root.has(key) {
                root.missing(key, &format!("`[[{key}]]`, one at least"));
            } else if weightless && !missing {
                root.wrong(key, "all weights are 0", "expected one above 0");
            }
        }
        for table in root.tables("placement") {
            let share = table.need_number("share", 0.0..=1e9);
            let utm = utm(&table);
            table.finish();
            cast.placements.extend(share.map(|share| Placement { share, utm }));
        }
        if !root.has("placement") {
            cast.placements.push(Placement { share: 1.0, utm: Utm::default() });
        } else if !cast.placements.iter().any(|placement| placement.share > 0.0) {
            root.wrong("placement", "no share above 0", "expected at least one");
        }
        for table in root.tables("campaign") {
            let campaign = cast.campaign(&table);
            table.finish();
            cast.campaigns.extend(campaign);
        }
        for table in root.tables("outage") {
            let outage = cast.outage(&table);
            table.finish();
            cast.outages.extend(outage);
        }
        cast
    }

    /// The places that `regions` and `places` of a table name together.
    fn reach(&self, table: &Table<'_>) -> Reach {
        let regions = table.names("regions", "regions");
        let places = table.names("places", "names of places");
        if regions.is_none() && places.is_none() {
            return None;
        }
        let mut reach = vec![false; self.places.len()];
        let mut find = |wanted: &[(String, Range<usize>)], kind: &str, name_of: &dyn Fn(&Place) -> Option<String>| {
            let known: Vec<String> = self.places.iter().filter_map(name_of).collect();
            for (name, at) in wanted {
                let mut found = false;
                for (flag, place) in reach.iter_mut().zip(&self.places) {
                    if name_of(place).as_ref() == Some(name) {
                        *flag = true;
                        found = true;
                    }
                }
                if !found {
                    unknown(table, at, kind, name, &known);
                }
            }
        };
        find(regions.as_deref().unwrap_or_default(), "region", &|place| place.region.clone());
        find(places.as_deref().unwrap_or_default(), "place", &|place| Some(place.name.to_string()));
        Some(reach)
    }

    /// Numbers of the products that a table names.
    fn named_products(&self, table: &Table<'_>) -> Option<Vec<usize>> {
        let known: Vec<String> = self.products.iter().map(|product| product.name.to_string()).collect();
        let names = table.names("products", "names of products")?;
        let find = |(name, at): &(String, Range<usize>)| {
            let found = known.iter().position(|known| known == name);
            if found.is_none() {
                unknown(table, at, "product", name, &known);
            }
            found
        };
        Some(names.iter().filter_map(find).collect())
    }

    fn product(&self, table: &Table<'_>, interest: f64) -> Option<Product> {
        let name = table.need_text("name", "its name, also on the label");
        let url = table.need_text("url", "the address in its code");
        if let Some(url) = &url {
            check_url(table, url);
        }
        let weight = table.number("weight", 0.0..=1e9);
        let (from, until) = (table.instant("from"), table.instant("until"));
        let sold = self.reach(table);
        let columns = columns(table);
        Some(Product {
            name: Arc::from(name?),
            url: url.unwrap_or_default(),
            columns,
            utm: Utm::default(),
            interest: weight.unwrap_or(interest),
            from,
            until,
            sold,
        })
    }

    fn campaign(&self, table: &Table<'_>) -> Option<Campaign> {
        let before = table.document.count();
        // For people; the codes carry `utm`.
        table.text("name", "its name");
        let start = table.instant("start");
        if !table.has("start") {
            table.missing("start", "an instant like 2026-03-12T16:00:00Z");
        }
        let peak = table.need_number("peak", 0.0..=1e9);
        let kernel = Kernel {
            start: start.map_or(0, |at| at.as_millisecond()),
            rise: table.duration("rise").unwrap_or(0),
            peak: peak.unwrap_or(0.0),
            hold: table.duration("hold").unwrap_or(0),
            half_life: table.duration("half_life").filter(|length| *length > 0).map(|length| length as f64),
            until: table.instant("until").map_or(i64::MAX, |at| at.as_millisecond()),
        };
        if kernel.until <= kernel.start {
            table.wrong("until", "not later than `start`", "expected the end of the campaign");
        }
        let lengths = ["rise", "hold", "half_life"];
        let has_none = !lengths.iter().any(|key| table.has(key));
        if kernel.rise + kernel.hold == 0
            && kernel.half_life.is_none()
            && (has_none || table.document.count() == before)
        {
            table.wrong("half_life", "a campaign that is over as it begins", "expected `rise`, `hold` or `half_life`");
        }
        let reach = self.reach(table);
        let utm = utm(table);
        let products = self.named_products(table).unwrap_or_else(|| (0..self.products.len()).collect());
        // By their everyday interest; products that have none outside campaigns share evenly.
        let interest = |number: &usize| self.products[*number].interest;
        let whole: f64 = products.iter().map(interest).sum();
        let even = products.iter().any(|number| interest(number) <= 0.0);
        let share = |number: usize| {
            let share = if even { 1.0 / products.len() as f64 } else { interest(&number) / whole };
            (number, share)
        };
        Some(Campaign { kernel, reach, utm, products: products.iter().copied().map(share).collect() })
    }

    fn outage(&self, table: &Table<'_>) -> Option<Outage> {
        table.text("name", "its name");
        for key in ["from", "to"] {
            if !table.has(key) {
                table.missing(key, "an instant like 2026-03-12T16:00:00Z");
            }
        }
        let (from, to) = (table.instant("from"), table.instant("to"));
        let factor = table.number("factor", 0.0..=1e6).unwrap_or(0.0);
        let reach = self.reach(table);
        let products = self.named_products(table);
        let (from, to) = (from?.as_millisecond(), to?.as_millisecond());
        if to <= from {
            table.wrong("to", "not later than `from`", "expected the end of the outage");
        }
        Some(Outage { from, to, factor, reach, products })
    }
}

fn unknown(table: &Table<'_>, at: &Range<usize>, kind: &str, name: &str, known: &[String]) {
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None if known.is_empty() => format!("no {kind} is named so far: define it above its first use"),
        None => {
            let mut known = known.to_vec();
            known.sort();
            known.dedup();
            format!("there are: {}", known.join(", "))
        }
    };
    table.document.note("", at.clone(), format!("no {kind} is called \"{name}\""), hint);
}

fn place(table: &Table<'_>) -> Option<Place> {
    let name = table.need_text("name", "its name, also in object keys");
    let zone = table.need_text("zone", "its IANA time zone, like \"Europe/Berlin\"");
    if let Some(zone) = zone.as_ref().filter(|zone| zones::find(zone).is_none()) {
        table.wrong(
            "zone",
            format!("no zone is called \"{zone}\""),
            "expected an IANA time zone, like \"Europe/Berlin\"",
        );
    }
    let latitude = table.need_number("latitude", -89.0..=89.0);
    let longitude = table.need_number("longitude", -180.0..=180.0);
    Some(Place {
        weight: table.number("weight", 0.0..=1e9).unwrap_or(1.0),
        altitude_m: table.number("altitude_m", -430.0..=8_850.0).unwrap_or(0.0),
        region: table.text("region", "the name of a region"),
        spread_km: table.number("spread_km", 0.0..=500.0).unwrap_or(4.0),
        // With a mistake in it, it is still a place that others name.
        name: Arc::from(name?),
        zone: zone.unwrap_or_default(),
        latitude: latitude.unwrap_or(0.0),
        longitude: longitude.unwrap_or(0.0),
    })
}

/// What the row must say: all of it or nothing, for half an expectation would hide half the mistakes.
fn columns(table: &Table<'_>) -> Option<ProductColumns> {
    let columns = ProductColumns {
        product_url: table.text("product_url", "what the column `product_url` must hold"),
        product_id: table.text("product_id", "what the column `product_id` must hold"),
        product_id_source: table.text("product_id_source", "what the column `product_id_source` must hold"),
        gtin: table.text("gtin", "what the column `gtin` must hold"),
    };
    if columns == ProductColumns::default() {
        return None;
    }
    for (key, value) in [("product_url", &columns.product_url), ("product_id", &columns.product_id)] {
        if value.is_none() && !table.has(key) {
            table.missing(
                key,
                "what is expected of a product is given whole; only `gtin` and `product_id_source` may be left out",
            );
        }
    }
    const SOURCES: [&str; 6] = ["gtin", "digital_link", "known_shop", "query", "path", "none"];
    if let Some(source) = columns.product_id_source.as_ref().filter(|source| !SOURCES.contains(&source.as_str())) {
        let hint = format!("expected one of {}", SOURCES.join(", "));
        table.wrong("product_id_source", format!("found \"{source}\""), hint);
    }
    if let Some(gtin) = columns.gtin.as_ref().filter(|gtin| !is_gtin(gtin)) {
        table.wrong("gtin", format!("found \"{gtin}\""), "expected 14 digits, the last of them the check digit");
    }
    Some(columns)
}

fn is_gtin(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(10)).collect();
    let weigh = |(place, digit): (usize, u32)| digit * if place % 2 == 0 { 3 } else { 1 };
    digits.is_some_and(|digits| digits.len() == 14 && digits.into_iter().enumerate().map(weigh).sum::<u32>() % 10 == 0)
}

fn check_url(table: &Table<'_>, url: &str) {
    if !url::Url::parse(url).is_ok_and(|url| url.has_host()) || url.contains(char::is_whitespace) {
        table.wrong("url", format!("found \"{url}\""), "expected a web address like https://shop.example/p/1");
    } else if url.len() > MOST_URL_BYTES {
        table.wrong("url", format!("{} bytes long", url.len()), format!("expected at most {MOST_URL_BYTES}"));
    } else if url.to_ascii_lowercase().contains("utm_") {
        table.wrong("url", "has tracking parameters", "expected them as `utm` of a [[placement]] or [[campaign]]");
    }
}

fn utm(table: &Table<'_>) -> Utm {
    let Some(inner) = table.table("utm") else { return Utm::default() };
    let plain = |key: &'static str| {
        let value = inner.text(key, "letters, digits, `-`, `.` or `_`")?;
        let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !is_plain || value.len() > 40 {
            inner.wrong(key, format!("found \"{value}\""), "expected at most 40 letters, digits, `-`, `.` or `_`");
        }
        Some(value)
    };
    let utm = Utm { source: plain("source"), medium: plain("medium"), campaign: plain("campaign") };
    inner.finish();
    utm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked() {
        assert!(is_gtin("09521000000018"));
        for wrong in ["09521000000019", "9521000000018", "0952100000001x", ""] {
            assert!(!is_gtin(wrong), "{wrong}");
        }
    }
}
