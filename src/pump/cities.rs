//! Scans by city: the warehouse knows coordinates, only the story knows which city a photo was taken in.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::answer_key::{ExpectedPhoto, KeyReader};
use crate::error::Result;
use crate::warehouse::Warehouse;

/// Photos asked about in one query.
const PAGE: usize = 500;

/// Scans the warehouse has of photos taken in one city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CityScans {
    /// The city, by the story.
    pub city: String,
    /// Scan rows in the warehouse.
    pub scans: u64,
}

/// The warehouse's scans of the key's photos by city, the most first.
///
/// # Errors
/// A key that is missing, unsealed or broken; a query that fails.
pub async fn scans_by_city(key_file: &Path, warehouse: &dyn Warehouse) -> Result<Vec<CityScans>> {
    let mut key = KeyReader::open(key_file)?;
    let bucket = key.header().bucket.clone();
    let mut by_city: HashMap<String, u64> = HashMap::new();
    loop {
        let mut page: Vec<ExpectedPhoto> = Vec::with_capacity(PAGE);
        while page.len() < PAGE
            && let Some(photo) = key.next_photo()?
        {
            page.push(photo);
        }
        if page.is_empty() {
            break;
        }
        let scans = scans_of(&page, &bucket, warehouse).await?;
        for photo in page {
            if let Some(scans) = scans.get(&photo.key) {
                *by_city.entry(photo.city).or_default() += scans;
            }
        }
    }
    let mut cities: Vec<CityScans> = by_city.into_iter().map(|(city, scans)| CityScans { city, scans }).collect();
    cities.sort_by(|left, right| right.scans.cmp(&left.scans).then_with(|| left.city.cmp(&right.city)));
    Ok(cities)
}

async fn scans_of(page: &[ExpectedPhoto], bucket: &str, warehouse: &dyn Warehouse) -> Result<HashMap<String, u64>> {
    let places: Vec<String> = (2..page.len() + 2).map(|place| format!("?{place}")).collect();
    let sql = format!(
        "SELECT object_key, count(*) FROM scans WHERE bucket = ?1 AND object_key IN ({}) GROUP BY object_key",
        places.join(", ")
    );
    let mut parameters = vec![Value::from(bucket)];
    parameters.extend(page.iter().map(|photo| Value::from(photo.key.as_str())));
    let table = warehouse.query(&sql, &parameters).await?;
    let counted = |row: &Vec<Value>| Some((row.first()?.as_str()?.to_owned(), row.get(1)?.as_u64()?));
    Ok(table.rows.iter().filter_map(counted).collect())
}
