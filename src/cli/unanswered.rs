//! Objects of a bucket that have no final answer, page by page in the order of keys: what `backfill` sends and `gaps`
//! reports. Those have neither row nor rejection, or a rejection whose cause may have passed.
//!
//! A page of the listing is held against the rows of the same range of keys. Both sides sort keys by their bytes, so
//! neither has to be known as a whole.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exit::usage;
use super::{GlobalArgs, settings, signals};
use crate::actors::admission::{sentence, skip_reason};
use crate::app::{self, Ports};
use crate::config::Settings;
use crate::config::settings::StoreKind;
use crate::domain::WhyLeftOut;
use crate::domain::notification::s3_event;
use crate::domain::{PhotoRef, Reason};
use crate::error::{Class, Error, Result};
use crate::queue::Queue;
use crate::store::{LeftOut, ObjectMetadata, ObjectSummary, Survey};
use crate::warehouse::report::rows_as;
use crate::warehouse::schema::{require_current, version_of};

/// Keys listed, and held against the warehouse, at a time.
const PAGE: usize = 5_000;

/// Objects looked at side by side.
const HEADS: usize = 16;

/// Notifications sent at a time.
const SEND: usize = 500;

/// Rows of one range of keys. `UNION` keeps each version once, however many codes it has.
const ROWS: &str = "\
SELECT object_key, etag, version_id, CAST(NULL AS VARCHAR(32)) AS reason
FROM scans WHERE bucket = ?1 AND object_key >= ?2 AND object_key <= ?3
UNION
SELECT object_key, etag, version_id, reason
FROM rejections WHERE bucket = ?1 AND object_key >= ?2 AND object_key <= ?3";

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchScope {
    /// The bucket.
    pub bucket: String,
    /// Beginning of the keys.
    pub prefix: String,
}

impl SearchScope {
    /// `s3://bucket/prefix` or `bucket/prefix`; without any the inbox, as far as `filter.prefix` goes.
    ///
    /// # Errors
    /// No bucket, or the results bucket.
    pub fn of(text: Option<&str>, settings: &Settings) -> Result<SearchScope> {
        let Some(text) = text else {
            return Ok(SearchScope { bucket: settings.store.inbox.clone(), prefix: settings.filter.prefix.clone() });
        };
        let path = text.strip_prefix("s3://").unwrap_or(text);
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() {
            return Err(usage(format!("`{text}` names no bucket: give it like `s3://photos/2026/` or `photos/2026/`")));
        }
        if bucket == settings.store.results {
            return Err(usage(format!(
                "`{bucket}` is the results bucket: scanmill would read its own output as photos"
            )));
        }
        Ok(SearchScope { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Runs `search` on a place with everything open; a signal, told of with `stopping`, cancels its token.
///
/// # Errors
/// Wrong settings or place, and what the search fails with.
pub fn search_in<T>(
    place: Option<&str>,
    global: &GlobalArgs,
    stopping: &'static str,
    search: impl AsyncFnOnce(&Settings, &Ports, SearchScope, &CancellationToken) -> Result<T>,
) -> Result<T> {
    let settings = settings::load(global)?;
    let place = SearchScope::of(place, &settings)?;
    let cancel = CancellationToken::new();
    app::io_runtime(settings.run.io_threads)?.block_on(async {
        signals::cancel_on_signal(&cancel, stopping)?;
        let ports = app::open_for_command(&settings)?;
        search(&settings, &ports, place, &cancel).await
    })
}

/// Which objects, by when they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

impl Window {
    fn is_too_old(&self, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| self.since.is_some_and(|since| at < since))
    }

    fn is_too_young(&self, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| self.until.is_some_and(|until| at > until))
    }

    /// Whether all of `other` lies in it.
    pub fn covers(&self, other: &Window) -> bool {
        let earlier = self.since.is_none_or(|own| other.since.is_some_and(|since| own <= since));
        earlier && self.until.is_none_or(|own| other.until.is_some_and(|until| until <= own))
    }
}

/// What was found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SearchCounts {
    /// Objects listed.
    pub objects: u64,
    /// Of them, those that came before the time asked for.
    pub too_old: u64,
    /// Those that came after it: too young to compare.
    pub too_young: u64,
    /// Those `[filter]` passes over.
    pub passed_over: u64,
    /// Those that have a row or a final rejection.
    pub known: u64,
    /// Those that were gone when looked at again.
    pub gone: u64,
    /// Those that have neither.
    pub unread: u64,
    /// Of them, those with a rejection whose cause may have passed.
    pub rejected_for_now: u64,
    /// Files and folders that are not objects, and so not among them.
    pub left_out: u64,
    /// Of these, those that may hold photos but cannot be read.
    pub unreadable: u64,
}

/// A name that is not compared.
#[derive(Debug)]
pub struct NotCompared {
    /// Its key; a folder's ends with a slash.
    pub key: String,
    /// Why: a value of the label `why` of one of the two metrics.
    pub why: &'static str,
    /// Whether `[filter]` passes an object over; else it is not an object.
    pub is_passed_over: bool,
    /// For people.
    pub detail: String,
}

/// An object without a final answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The photo, as its notification would name it.
    pub photo: PhotoRef,
    /// The reason of the rejection that stands meanwhile.
    pub rejected_for: Option<Reason>,
}

/// The search. Ask [`Unread::next`] until it gives nothing.
pub struct Unread<'a> {
    ports: &'a Ports,
    settings: &'a Settings,
    place: SearchScope,
    window: Window,
    after: Option<String>,
    is_end: bool,
    has_rows: bool,
    counts: SearchCounts,
    not_compared: Vec<NotCompared>,
}

impl<'a> Unread<'a> {
    /// A search behind the key `after`. A warehouse without tables knows of nothing.
    ///
    /// # Errors
    /// A warehouse of another schema.
    pub async fn begin(
        ports: &'a Ports,
        settings: &'a Settings,
        place: SearchScope,
        window: Window,
        after: Option<String>,
    ) -> Result<Unread<'a>> {
        let warehouse = ports.warehouse.as_ref();
        let has_rows = version_of(warehouse).await?.is_some();
        if has_rows {
            require_current(warehouse).await?;
        }
        let (counts, not_compared) = (SearchCounts::default(), Vec::new());
        Ok(Unread { ports, settings, place, window, after, is_end: false, has_rows, counts, not_compared })
    }

    /// Figures so far.
    pub fn counts(&self) -> SearchCounts {
        self.counts
    }

    /// What the pages so far had that is not compared; each once.
    pub fn take_not_compared(&mut self) -> Vec<NotCompared> {
        std::mem::take(&mut self.not_compared)
    }

    /// The key up to which everything was looked at.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The unread photos of the next page, in the order of keys. `None` after the last page.
    pub async fn next(&mut self) -> Result<Option<Vec<Gap>>> {
        if self.is_end {
            return Ok(None);
        }
        let SearchScope { bucket, prefix } = &self.place;
        let surveyed = self.ports.store.survey(bucket, prefix, self.after.as_deref(), PAGE).await;
        let Survey { objects: listed, left_out } = surveyed.map_err(|error| match error.class() {
            Class::Missing => usage(format!("there is no bucket `{bucket}` to compare: {error}"))
                .with_hint("check its name, `store.inbox` and --root"),
            _ => error,
        })?;
        self.is_end = listed.len() < PAGE;
        self.counts.left_out += left_out.len() as u64;
        for LeftOut { key, why, detail } in left_out {
            self.counts.unreadable += u64::from(why == WhyLeftOut::Unreadable);
            self.not_compared.push(NotCompared { key, why: why.as_str(), is_passed_over: false, detail });
        }
        let (Some(first), Some(last)) = (listed.first(), listed.last()) else { return Ok(None) };
        let last_key = last.key.clone();
        let rows = self.rows(&first.key, &last_key).await?;
        self.counts.objects += listed.len() as u64;
        let mut candidates = Vec::new();
        for object in listed {
            if self.window.is_too_old(object.modified_at) {
                self.counts.too_old += 1;
            } else if self.window.is_too_young(object.modified_at) {
                self.counts.too_young += 1;
            } else if let Some(why) = skip_reason(&self.photo(&object), self.settings) {
                self.counts.passed_over += 1;
                let detail = sentence(why, self.settings);
                let key = object.key;
                self.not_compared.push(NotCompared { key, why: why.as_str(), is_passed_over: true, detail });
            } else if object.etag.as_deref().is_some_and(|etag| rows.is_surely_known(&object.key, etag)) {
                self.counts.known += 1;
            } else {
                candidates.push(object);
            }
        }
        let photos = self.look(candidates, &rows).await?;
        self.after = Some(last_key);
        Ok(Some(photos))
    }

    async fn rows(&self, first: &str, last: &str) -> Result<KnownVersions> {
        let mut rows = KnownVersions::default();
        if self.has_rows {
            let bound = [self.place.bucket.as_str().into(), first.into(), last.into()];
            for FoundVersion { object_key, etag, version_id, reason } in
                rows_as(self.ports.warehouse.query(ROWS, &bound).await?)?
            {
                let rejected_for = reason.as_deref().and_then(Reason::parse).filter(|reason| reason.is_passing());
                rows.versions.entry(object_key).or_default().push(Version { etag, version_id, rejected_for });
            }
        }
        Ok(rows)
    }

    /// Looks at each object itself: a listing tells no version id, that of a folder no eTag, and it may be old.
    async fn look(&mut self, candidates: Vec<ObjectSummary>, rows: &KnownVersions) -> Result<Vec<Gap>> {
        let (store, bucket) = (&self.ports.store, self.place.bucket.as_str());
        let looked: Vec<(ObjectSummary, Option<ObjectMetadata>)> = stream::iter(candidates)
            .map(|object| async move {
                match store.head(bucket, &object.key).await {
                    Ok(head) => Ok((object, Some(head))),
                    Err(error) if error.class() == Class::Missing => Ok((object, None)),
                    Err(error) => Err(error),
                }
            })
            .buffered(HEADS)
            .try_collect()
            .await?;
        let mut photos = Vec::new();
        for (object, head) in looked {
            let Some(head) = head else {
                self.counts.gone += 1;
                continue;
            };
            let rejected_for = match rows.answer(&object.key, &head.etag, head.version_id.as_deref()) {
                PhotoAnswer::Final => {
                    self.counts.known += 1;
                    continue;
                }
                PhotoAnswer::ForNow(reason) => Some(reason),
                PhotoAnswer::None => None,
            };
            self.counts.unread += 1;
            self.counts.rejected_for_now += u64::from(rejected_for.is_some());
            let photo = PhotoRef {
                version_id: head.version_id,
                etag: Some(head.etag),
                size_bytes: Some(head.size_bytes),
                uploaded_at: head.modified_at,
                sequencer: self.sequencer(),
                ..self.photo(&object)
            };
            photos.push(Gap { photo, rejected_for });
        }
        Ok(photos)
    }

    /// The order of what a file of a folder holds now among all that it held: the latest. Without it the load would take
    /// it for the earliest. A bucket's versions are photos of their own and need none.
    fn sequencer(&self) -> Option<String> {
        let nanos = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0);
        (self.settings.store.kind == StoreKind::Folder).then(|| format!("{nanos:018X}"))
    }

    fn photo(&self, object: &ObjectSummary) -> PhotoRef {
        PhotoRef {
            bucket: self.place.bucket.clone(),
            key: object.key.clone(),
            version_id: None,
            etag: object.etag.clone(),
            size_bytes: Some(object.size_bytes),
            sequencer: None,
            uploaded_at: object.modified_at,
        }
    }
}

#[derive(Deserialize)]
struct FoundVersion {
    object_key: String,
    etag: Option<String>,
    version_id: Option<String>,
    reason: Option<String>,
}

/// The versions that the warehouse has, by key.
#[derive(Default)]
struct KnownVersions {
    versions: HashMap<String, Vec<Version>>,
}

struct Version {
    etag: Option<String>,
    version_id: Option<String>,
    /// The reason of a rejection of the moment.
    rejected_for: Option<Reason>,
}

/// What the warehouse says of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PhotoAnswer {
    Final,
    ForNow(Reason),
    None,
}

impl KnownVersions {
    fn of(&self, key: &str) -> &[Version] {
        self.versions.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether this content was read, whichever version it is.
    fn is_surely_known(&self, key: &str, etag: &str) -> bool {
        let versions = self.of(key);
        let is_read = versions.iter().any(|own| own.etag.as_deref() == Some(etag));
        is_read && versions.iter().all(|own| own.rejected_for.is_none())
    }

    /// The answer to this very version, or else to its content.
    fn answer(&self, key: &str, etag: &str, version_id: Option<&str>) -> PhotoAnswer {
        let is_version = |own: &&Version| version_id.is_some() && own.version_id.as_deref() == version_id;
        let is_content = |own: &&Version| own.etag.as_deref() == Some(etag);
        let answer = |own: &Version| own.rejected_for.map_or(PhotoAnswer::Final, PhotoAnswer::ForNow);
        let versions = self.of(key);
        if let Some(own) = versions.iter().find(is_version) {
            return answer(own);
        }
        let contents = || versions.iter().filter(is_content).map(answer);
        contents()
            .find(|answer| *answer == PhotoAnswer::Final)
            .or_else(|| contents().next())
            .unwrap_or(PhotoAnswer::None)
    }
}

/// Sends notifications, no faster than asked.
pub struct Sender<'a> {
    queue: &'a dyn Queue,
    rate: Option<f64>,
    began: Instant,
    sent: u64,
}

impl<'a> Sender<'a> {
    /// A sender of at most `rate` photos a second.
    pub fn new(queue: &'a dyn Queue, rate: Option<f64>) -> Sender<'a> {
        Sender { queue, rate, began: Instant::now(), sent: 0 }
    }

    /// Photos whose notifications are in the queue.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// As many photos as go at once: about a second's worth.
    pub fn chunk(&self) -> usize {
        self.rate.map_or(SEND, |rate| (rate as usize).clamp(1, SEND))
    }

    /// Sends a notification for each, as their upload would have given, and waits as the rate asks.
    pub async fn send(&mut self, gaps: &[Gap]) -> Result<()> {
        if let Some(rate) = self.rate {
            let due = self.began + Duration::from_secs_f64(self.sent as f64 / rate);
            tokio::time::sleep_until(due).await;
        }
        let now = Timestamp::now();
        let body = |Gap { photo, .. }: &Gap| s3_event(photo, photo.uploaded_at.unwrap_or(now));
        let bodies: Vec<String> = gaps.iter().map(body).collect();
        let sent = self.queue.send(&bodies).await;
        sent.map_err(|error: Error| {
            error.with_context(format!("sending notifications, {} were sent before", self.sent))
        })?;
        self.sent += gaps.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        let mut settings = Settings::default();
        settings.filter.prefix = "in/".into();
        let place = |text| SearchScope::of(text, &settings).map(|place| (place.bucket, place.prefix));
        for (text, bucket, prefix) in [
            (None, "inbox", "in/"),
            (Some("s3://photos/2026/a b"), "photos", "2026/a b"),
            (Some("photos/2026/"), "photos", "2026/"),
            (Some("s3://photos"), "photos", ""),
            (Some("photos/"), "photos", ""),
        ] {
            assert_eq!(place(text).unwrap(), (bucket.to_owned(), prefix.to_owned()), "{text:?}");
        }
        for text in ["", "s3://", "/x", "results", "s3://results/photos/"] {
            assert!(place(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_covers_what_lies_in_it() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        let all = Window::default();
        let january = Window { since: early, until: late };
        assert!(all.covers(&january) && january.covers(&january) && !january.covers(&all));
        assert!(!january.covers(&Window { since: early, until: None }));
        assert!(Window { since: early, until: None }.covers(&Window { since: late, until: None }));
        let place = |time| (january.is_too_old(time), january.is_too_young(time));
        for (time, expected) in [
            (early, (false, false)),
            (late, (false, false)),
            (None, (false, false)),
            (at("2025-12-31T23:59:59Z"), (true, false)),
            (at("2026-02-01T00:00:01Z"), (false, true)),
        ] {
            assert_eq!(place(time), expected, "{time:?}");
        }
    }

    #[test]
    fn a_version_is_known_by_its_content_or_its_id() {
        let version = |etag: Option<&str>, id: Option<&str>, rejected_for| Version {
            etag: etag.map(str::to_owned),
            version_id: id.map(str::to_owned),
            rejected_for,
        };
        let missing = Some(Reason::MissingObject);
        let versions = HashMap::from([
            ("k".to_owned(), vec![version(Some("e"), Some("v"), None), version(None, None, None)]),
            ("r".to_owned(), vec![version(Some("e"), None, missing)]),
            ("b".to_owned(), vec![version(Some("e"), Some("v"), missing), version(Some("e"), Some("w"), None)]),
        ]);
        let rows = KnownVersions { versions };
        let for_now = PhotoAnswer::ForNow(Reason::MissingObject);
        for (key, etag, version_id, expected) in [
            ("k", "e", None, PhotoAnswer::Final),
            ("k", "e", Some("w"), PhotoAnswer::Final),
            ("k", "f", Some("v"), PhotoAnswer::Final),
            ("k", "f", None, PhotoAnswer::None),
            ("k", "f", Some("w"), PhotoAnswer::None),
            ("j", "e", None, PhotoAnswer::None),
            ("r", "e", None, for_now),
            ("r", "f", None, PhotoAnswer::None),
            // Each version is a photo of its own; without knowing which, that it was read once counts.
            ("b", "e", Some("v"), for_now),
            ("b", "e", Some("w"), PhotoAnswer::Final),
            ("b", "e", None, PhotoAnswer::Final),
        ] {
            assert_eq!(rows.answer(key, etag, version_id), expected, "{key} {etag} {version_id:?}");
        }
        for (key, is_known) in [("k", true), ("j", false), ("r", false), ("b", false)] {
            assert_eq!(rows.is_surely_known(key, "e"), is_known, "{key}");
        }
    }
}
