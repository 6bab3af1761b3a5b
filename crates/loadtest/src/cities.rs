//! Scans by city: the warehouse knows coordinates, only the story knows which city a photo was taken in.

use std::collections::HashMap;

use serde::Serialize;

use super::verify::{Observer, Passed};
use scanmill_core::error::Result;

/// Scans the warehouse has of photos taken in one city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CityScans {
    /// The city, by the story.
    pub city: String,
    /// Scan rows in the warehouse.
    pub scans: u64,
}

/// Counts scans by city while photos are verified.
#[derive(Debug, Default)]
pub struct Cities(HashMap<String, u64>);

impl Cities {
    /// The cities that have scans, the most first.
    pub fn most_first(self) -> Vec<CityScans> {
        let mut cities: Vec<CityScans> = self.0.into_iter().map(|(city, scans)| CityScans { city, scans }).collect();
        cities.sort_by(|left, right| right.scans.cmp(&left.scans).then_with(|| left.city.cmp(&right.city)));
        cities
    }
}

impl Observer for Cities {
    fn passed(&mut self, passed: &Passed<'_>) -> Result<()> {
        if passed.scans > 0 {
            match self.0.get_mut(&passed.photo.city) {
                Some(scans) => *scans += passed.scans,
                None => drop(self.0.insert(passed.photo.city.clone(), passed.scans)),
            }
        }
        Ok(())
    }
}
