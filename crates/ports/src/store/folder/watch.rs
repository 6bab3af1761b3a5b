//! Photos that people drop into the inbox by hand are announced too.
//!
//! Three ways find them: a scan at start, the kernel's reports, and a scan now and then, for file systems that report
//! nothing (network folders, some container mounts) and for what a report missed. Every find waits until it is finished
//! ([`Rest`]): its writer may not be done, and a `put`, by whatever process, announces what it wrote by itself. Then it is
//! announced with `only_new`, so whoever was first, there is one notification.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::examine::{FileStatus, Looking, Rest, examine};
use super::inotify::{Follower, FsEvent, follow};
use super::intake::{Doing, Intake};
use super::seen::{AnnouncedFiles, FileFingerprint};
use super::walk::{self, Wanted};
use super::{Announcement, FolderStore};
use scanmill_core::domain::WhyLeftOut;
use scanmill_core::error::{Class, Error, Result};
use scanmill_telemetry::calls::{Calls, UnderWay, Watched};
use scanmill_telemetry::names;

/// How often everything is looked at, at least, while changes are not reported.
const SCAN_EVERY_WHEN_BLIND: Duration = Duration::from_secs(5);
/// A scan of a huge inbox takes no more than this part of the time.
const SCAN_SHARE: u32 = 20;
/// Keys a scan holds at once, and files that are looked at between two announcements, and bytes that are read for it.
const PAGE: usize = 20_000;
const CHUNK: usize = 512;
const CHUNK_BYTES: u64 = 32 << 20;
/// Reports waiting to be taken in, and keys waiting to be looked at; more than that is left to a scan.
const MAX_NEWS: usize = 4_096;
const MAX_WAITING: usize = 50_000;
/// Paths that a warning was written about.
const MAX_WARNED: usize = 10_000;
/// How often the log says that files are still being written.
const SAY_UNFINISHED_EVERY: Duration = Duration::from_secs(60);
const MIN_BACK_OFF: Duration = Duration::from_secs(1);
const MAX_BACK_OFF: Duration = Duration::from_secs(30);

/// How the inbox is watched.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// When a file is taken for finished.
    pub rest: Rest,
    /// How often everything is looked at while changes are reported.
    pub scan_every: Duration,
    /// Where its calls are noted while they are under way, for whoever looks for one that hangs.
    pub calls: Arc<Calls>,
    /// What telling of some photos may take; listing and looking at many files may take `LOOKS_TAKE` times that.
    pub answers_within: Duration,
    /// On top, until such a call hangs.
    pub hung_after: Duration,
}

/// A folder over a slow network answers for thousands of files at once.
const LOOKS_TAKE: u32 = 10;

impl Default for WatchOptions {
    fn default() -> WatchOptions {
        WatchOptions {
            rest: Rest::default(),
            scan_every: Duration::from_secs(60),
            calls: Arc::default(),
            answers_within: Duration::from_secs(120),
            hung_after: Duration::from_secs(60),
        }
    }
}

impl FolderStore {
    /// Watches the announced bucket: the future scans it, follows its changes, and ends with `Ok` when `cancel` comes.
    /// Announcements that may succeed later are tried again, and a file that is not a photo is a line in the log; dropping
    /// the future is safe at any moment.
    ///
    /// # Errors
    /// Permanent when the store announces nothing, or when the bucket cannot be a folder. The future ends with an error
    /// when announcing fails in a way that trying again does not fix.
    pub fn watch(
        &self,
        options: WatchOptions,
        cancel: CancellationToken,
    ) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        let Some(announcement) = self.shared.announcement.clone() else {
            return Err(Error::permanent("a store that announces nothing cannot be watched"));
        };
        self.shared.tree.bucket(&announcement.bucket, true)?;
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(AnnouncedFiles::default);
        self.shared.caught_up.store(false, Ordering::Release);
        let watch = InboxWatch {
            store: self.clone(),
            announcement,
            cancel: cancel.clone(),
            // Zero is not a rhythm to tick in.
            rest: Rest { closed: options.rest.closed.max(Duration::from_millis(1)), ..options.rest },
            fresh: HashMap::new(),
            settling: HashMap::new(),
            unfinished: HashSet::new(),
            unfinished_said: Instant::now(),
            warned: HashSet::new(),
            missed: Arc::new(AtomicBool::new(false)),
            scan_every: options.scan_every,
            is_blind: false,
            is_gone: false,
            follower: None,
            wanted_scan_every: options.scan_every,
            calls: options.calls,
            answers_within: options.answers_within,
            hung_after: options.hung_after,
            next_scan: Instant::now(),
            is_first_scan: true,
            last_listing_went_well: false,
            not_before: Instant::now(),
            back_off: Duration::ZERO,
        };
        Ok(async move { cancel.run_until_cancelled_owned(watch.run()).await.unwrap_or(Ok(())) })
    }
}

struct InboxWatch {
    store: FolderStore,
    announcement: Announcement,
    cancel: CancellationToken,
    rest: Rest,
    /// Changed since the last tick, and whether the writer was seen to close it.
    fresh: HashMap<String, bool>,
    /// Changed before the last tick and not since: looked at on the next.
    settling: HashMap<String, bool>,
    /// Those of both that somebody has open for writing.
    unfinished: HashSet<String>,
    unfinished_said: Instant,
    warned: HashSet<PathBuf>,
    missed: Arc<AtomicBool>,
    scan_every: Duration,
    is_blind: bool,
    /// Blind because the inbox was removed or renamed: once there is one again it is followed again.
    is_gone: bool,
    /// Held until the end: dropping it ends the news.
    follower: Option<Follower>,
    wanted_scan_every: Duration,
    calls: Arc<Calls>,
    answers_within: Duration,
    hung_after: Duration,
    next_scan: Instant,
    is_first_scan: bool,
    last_listing_went_well: bool,
    /// Announcing failed: not tried again before this.
    not_before: Instant,
    back_off: Duration,
}

/// What a scan came upon.
struct Scan {
    started: Instant,
    last_line: Instant,
    files: u64,
    looked_at: u64,
}

impl InboxWatch {
    async fn run(mut self) -> Result<()> {
        let (to, mut news) = mpsc::channel(MAX_NEWS);
        // Before the first scan, so that nothing falls between the two.
        if let Err(error) = self.follow(&to).await? {
            self.go_blind(&error);
        }
        let mut ticks = tokio::time::interval(self.rest.closed);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(report) = news.recv() => self.note(report),
                _ = ticks.tick() => {
                    self.turn(&mut news).await?;
                    self.follow_again(&to).await?;
                }
            }
            let waiting = self.fresh.len() + self.settling.len();
            let caught_up = waiting == 0 && !self.is_first_scan && !self.missed.load(Ordering::Relaxed);
            self.store.shared.caught_up.store(caught_up, Ordering::Release);
            self.intake(|intake| intake.wait(waiting, self.unfinished.len()));
        }
    }

    /// Has the kernel report what changes.
    async fn follow(&mut self, to: &mpsc::Sender<FsEvent>) -> Result<Result<()>> {
        let (path, missed) = (self.store.shared.tree.bucket_path(&self.announcement.bucket), self.missed.clone());
        let to = to.clone();
        let call = self.look_call("follow");
        let follower = self
            .store
            .call(move |_| {
                let _call = call;
                Ok(follow(&path, to, missed))
            })
            .await?;
        Ok(follower.map(|follower| self.follower = Some(follower)))
    }

    /// Follows the inbox that stands where the one was that is gone.
    async fn follow_again(&mut self, to: &mpsc::Sender<FsEvent>) -> Result<()> {
        let is_due = self.is_gone && self.last_listing_went_well && self.follow(to).await?.is_ok();
        if is_due {
            (self.is_blind, self.is_gone, self.scan_every) = (false, false, self.wanted_scan_every);
            self.intake(|intake| intake.set_blind(false));
            // What came before it was followed.
            self.missed.store(true, Ordering::Relaxed);
            tracing::info!("the inbox is followed again");
        }
        Ok(())
    }

    /// A look at files begins. Its thread keeps this: where it hangs, it hangs on, whoever has asked for it.
    fn look_call(&self, what: &'static str) -> UnderWay {
        self.calls.begin(Watched::Announce, what, self.answers_within * LOOKS_TAKE, self.hung_after, None)
    }

    fn intake(&self, change: impl FnOnce(&mut Intake)) {
        change(&mut self.store.shared.intake.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn note(&mut self, news: FsEvent) {
        match news {
            // Counted by the scans, which take a folder for one.
            FsEvent::Closed(key) | FsEvent::Changed(key) if self.store.shared.exclude().excludes(&key) => {}
            FsEvent::Closed(key) => {
                self.settling.remove(&key);
                self.wait_for(key, true);
            }
            FsEvent::Changed(key) => {
                let was_closed = self.settling.remove(&key).unwrap_or(false);
                self.wait_for(key, was_closed);
            }
            FsEvent::Blind(error) => self.go_blind(&error),
        }
    }

    fn wait_for(&mut self, key: String, was_closed: bool) {
        if self.fresh.len() < MAX_WAITING {
            *self.fresh.entry(key).or_default() |= was_closed;
        } else {
            self.missed.store(true, Ordering::Relaxed);
        }
    }

    fn go_blind(&mut self, error: &Error) {
        self.is_gone |= error.class() == Class::Missing;
        self.last_listing_went_well &= !self.is_gone;
        if !self.is_blind {
            self.intake(|intake| intake.set_blind(true));
            self.is_blind = true;
            self.scan_every = self.scan_every.min(SCAN_EVERY_WHEN_BLIND);
            let every_seconds = self.scan_every.as_secs();
            let hint = error.hint_text();
            tracing::warn!(%error, hint, every_seconds, "the inbox is scanned instead of followed");
            self.next_scan = self.next_scan.min(Instant::now() + self.scan_every);
        }
    }

    /// Looks at what has settled, then everywhere if it is time.
    async fn turn(&mut self, news: &mut mpsc::Receiver<FsEvent>) -> Result<()> {
        self.intake(Intake::publish);
        if Instant::now() < self.not_before {
            return Ok(());
        }
        self.say_unfinished();
        let settled: Vec<(String, bool)> =
            std::mem::replace(&mut self.settling, std::mem::take(&mut self.fresh)).into_iter().collect();
        let mut folders = Vec::new();
        for chunk in settled.chunks(CHUNK) {
            folders.extend(self.look_at(chunk.to_vec()).await?);
        }
        for folder in folders {
            self.scan(&format!("{folder}/"), news).await?;
        }
        if self.missed.swap(false, Ordering::Relaxed) || Instant::now() >= self.next_scan {
            let started = Instant::now();
            self.intake(Intake::begin_scan);
            let is_whole = self.scan("", news).await?;
            self.intake(|intake| intake.end_scan(is_whole));
            // Without memory of what was announced a scan reads every photo again: that is left to the next start,
            // unless nothing else finds them.
            let is_full = self
                .store
                .shared
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
                .is_some_and(AnnouncedFiles::is_full);
            let pause = match is_full && !self.is_blind {
                _ if !self.last_listing_went_well => self.scan_every.min(SCAN_EVERY_WHEN_BLIND),
                true => Duration::from_secs(24 * 3_600),
                false => self.scan_every.max(started.elapsed() * SCAN_SHARE),
            };
            self.next_scan = Instant::now() + pause;
        }
        Ok(())
    }

    /// Looks at every file under `prefix` that is not known. `false` when it broke off.
    async fn scan(&mut self, prefix: &str, news: &mut mpsc::Receiver<FsEvent>) -> Result<bool> {
        let now = Instant::now();
        let mut scan = Scan { started: now, last_line: now, files: 0, looked_at: 0 };
        let mut after = None;
        loop {
            let (last, files, unknown) = match self.page(prefix.to_owned(), after).await {
                Ok(page) => page,
                Err(error) => {
                    self.last_listing_went_well = false;
                    self.intake(|intake| intake.fails(Doing::Listing, &error));
                    return Ok(false);
                }
            };
            self.last_listing_went_well = true;
            self.intake(|intake| intake.works(Doing::Listing));
            scan.files += files;
            for chunk in unknown.chunks(CHUNK) {
                let keys = chunk.iter().map(|key| (key.clone(), false)).collect();
                self.look_at(keys).await?;
                scan.looked_at += chunk.len() as u64;
                scan.say_progress();
                while let Ok(report) = news.try_recv() {
                    self.note(report);
                }
                if Instant::now() < self.not_before {
                    // Not announced: all of it again, later.
                    self.missed.store(true, Ordering::Relaxed);
                    return Ok(false);
                }
            }
            if files < PAGE as u64 {
                break;
            }
            after = last;
        }
        let (files, looked_at, took_ms) = (scan.files, scan.looked_at, scan.started.elapsed().as_millis() as u64);
        if self.is_first_scan {
            tracing::info!(bucket = %self.announcement.bucket, files, took_ms, "inbox scanned");
            self.is_first_scan = false;
        } else if looked_at > 0 {
            tracing::debug!(prefix, files, looked_at, took_ms, "inbox scanned again");
        }
        Ok(true)
    }

    /// One page of keys under `prefix`: its last key, how many files it has, and which of them are not known.
    async fn page(&mut self, prefix: String, after: Option<String>) -> Result<(Option<String>, u64, Vec<String>)> {
        let (bucket, exclude) = (self.announcement.bucket.clone(), self.store.shared.exclude());
        let call = self.look_call("list");
        let (page, left_out) = self
            .store
            .call(move |shared| {
                let _call = call;
                // Not made again: whoever moved it away may still write into it, and an empty one would hide that.
                let folder = shared.tree.bucket(&bucket, false).map_err(|error| match error.class() {
                    Class::Missing => error.with_hint("move the inbox back, or make it again"),
                    _ => error,
                })?;
                let wanted = Wanted { prefix: &prefix, after: after.as_deref(), max: PAGE };
                let mut left_out = Vec::new();
                let mut keep = |key: &str, why: WhyLeftOut, error: Error| {
                    shared.intake.lock().unwrap_or_else(PoisonError::into_inner).leave_out(key, why);
                    if why.is_surprising() && left_out.len() < MAX_WARNED {
                        left_out.push((key.to_owned(), error));
                    }
                    Ok(())
                };
                // Files that may not be read are found when they are looked at.
                let scope = walk::Scope { exclude: Some(&exclude), is_read_checked: false };
                let found = walk::walk(folder, &shared.tree.bucket_path(&bucket), &wanted, &scope, &mut keep)?;
                let (last, files) = (found.last().map(|found| found.key.clone()), found.len() as u64);
                let seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let is_known = |found: &walk::FoundFile| {
                    seen.as_ref().is_some_and(|seen| seen.contains(FileFingerprint::of_stat(&found.key, &found.stat)))
                };
                let unknown = found.into_iter().filter(|found| !is_known(found)).map(|found| found.key).collect();
                Ok(((last, files, unknown), left_out))
            })
            .await?;
        for (key, error) in left_out {
            self.warn_once(self.path_of(&key), &error);
        }
        Ok(page)
    }

    /// Looks at these files, each with whether its writer was seen to close it, and announces those that are new; the
    /// folders among them.
    async fn look_at(&mut self, mut keys: Vec<(String, bool)>) -> Result<Vec<String>> {
        let mut folders = Vec::new();
        while !keys.is_empty() {
            let (found, rest) = self.look_at_first(keys).await?;
            folders.extend(found);
            keys = rest;
        }
        Ok(folders)
    }

    /// As [`InboxWatch::look_at`], for as many of them as are worth one announcement; the folders, and the rest.
    async fn look_at_first(&mut self, keys: Vec<(String, bool)>) -> Result<(Vec<String>, Vec<(String, bool)>)> {
        if Instant::now() < self.not_before {
            keys.into_iter().for_each(|(key, was_closed)| self.wait_for(key, was_closed));
            return Ok(Default::default());
        }
        let (bucket, cancel) = (self.announcement.bucket.clone(), self.cancel.clone());
        let rest = self.rest;
        let call = self.look_call("look");
        let (looks, rest_of_keys) = self
            .store
            .call(move |shared| {
                let _call = call;
                let mut looking = Looking::new(shared, &bucket, rest, &cancel);
                let (mut looks, mut keys) = (Vec::with_capacity(keys.len()), keys.into_iter());
                while looking.bytes_read() < CHUNK_BYTES
                    && let Some((key, was_closed)) = keys.next()
                {
                    let look = examine(&mut looking, &key, was_closed);
                    looks.push((key, was_closed, look));
                }
                Ok((looks, keys.collect::<Vec<_>>()))
            })
            .await?;
        let (mut photos, mut stamps, mut folders) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_any_opened = false;
        for (key, was_closed, look) in looks {
            self.unfinished.remove(&key);
            match look {
                FileStatus::Photo(photo, stamp) => {
                    self.warned.remove(&self.path_of(&key));
                    self.intake(|intake| intake.take_in(&key));
                    is_any_opened = true;
                    photos.push(photo);
                    stamps.push(stamp);
                }
                FileStatus::Changing => self.wait_for(key, was_closed),
                FileStatus::BeingWritten => {
                    self.unfinished.insert(key.clone());
                    // Whoever has it open now closes it after this.
                    self.wait_for(key, false);
                }
                FileStatus::Folder => folders.push(key),
                // Nothing is wrong with the file.
                FileStatus::LeftOut(_, error) if error.is_out_of_files() => {
                    self.intake(|intake| intake.fails(Doing::Opening, &error));
                    self.wait_for(key, was_closed);
                }
                FileStatus::LeftOut(why, error) => {
                    self.intake(|intake| intake.leave_out(&key, why));
                    self.warn_once(self.path_of(&key), &error);
                    if error.class().is_retryable() {
                        self.wait_for(key, was_closed);
                    }
                }
                FileStatus::Known | FileStatus::Gone => {}
            }
        }
        if is_any_opened {
            self.intake(|intake| intake.works(Doing::Opening));
        }
        if photos.is_empty() {
            return Ok((folders, rest_of_keys));
        }
        let call = self.calls.begin(Watched::Announce, "announce", self.answers_within, self.hung_after, None);
        let told = self.announcement.to.announce(&photos, true).await;
        drop(call);
        match told {
            Ok(()) => {
                self.back_off = Duration::ZERO;
                self.intake(|intake| intake.works(Doing::Announcing));
                self.store.shared.remember(stamps);
            }
            Err(error) if error.class().is_retryable() => {
                self.back_off = (self.back_off * 2).clamp(MIN_BACK_OFF, MAX_BACK_OFF);
                self.not_before = Instant::now() + self.back_off;
                names::ANNOUNCE_FAILURES.add(1);
                self.intake(|intake| intake.fails(Doing::Announcing, &error));
                photos.into_iter().for_each(|photo| self.wait_for(photo.key, true));
            }
            Err(error) => {
                names::ANNOUNCE_FAILURES.add(1);
                return Err(error.with_context("announcing photos found in the inbox"));
            }
        }
        Ok((folders, rest_of_keys))
    }

    fn say_unfinished(&mut self) {
        let Some(one) = self.unfinished.iter().next() else {
            self.unfinished_said = Instant::now();
            return;
        };
        if self.unfinished_said.elapsed() >= SAY_UNFINISHED_EVERY {
            let (files, path) = (self.unfinished.len(), self.path_of(one));
            tracing::info!(files, path = %path.display(), "files are still open for writing; each is read once it is closed");
            self.unfinished_said = Instant::now();
        }
    }

    fn path_of(&self, key: &str) -> PathBuf {
        self.store.shared.tree.bucket_path(&self.announcement.bucket).join(key)
    }

    fn warn_once(&mut self, path: PathBuf, error: &Error) {
        if self.warned.len() < MAX_WARNED && !self.warned.contains(&path) {
            tracing::warn!(path = %path.display(), %error, hint = error.hint_text(), "left out of the inbox");
            self.warned.insert(path);
        }
    }
}

impl Scan {
    fn say_progress(&mut self) {
        if self.last_line.elapsed() > Duration::from_secs(2) {
            self.last_line = Instant::now();
            let (looked_at, seconds) = (self.looked_at, self.started.elapsed().as_secs());
            tracing::info!(looked_at, seconds, "still scanning the inbox");
        }
    }
}
