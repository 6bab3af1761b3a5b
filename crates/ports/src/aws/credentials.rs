//! Credentials that are found again: when their time is nearly over, when a file they came from was written, and when
//! AWS says that they ran out or are unknown.
//!
//! The SDK reads the profile's files once in a process, and keeps credentials without an end for a quarter of an hour;
//! so an engine whose credentials another tool renews would be refused for ever.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

/// Looked for again this long before their end.
const BEFORE_END: Duration = Duration::from_secs(60);
/// Time between two looks at the files, and between two tries that failed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two searches because AWS refused what was found.
const DOUBT_EVERY: Duration = Duration::from_secs(5);
/// A search that takes longer failed. `credential_process` may start an interpreter and ask somebody over the network.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks for credentials anew, reading every file again.
#[async_trait]
pub(super) trait CredentialSearch: std::fmt::Debug + Send + Sync + 'static {
    /// A provider that has read nothing yet.
    async fn begin(&self) -> Result<SharedCredentialsProvider, CredentialsError>;
}

/// Hands out credentials that are as good as can be known. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Renewed {
    shared: Arc<CredentialsInner>,
}

#[derive(Debug)]
struct CredentialsInner {
    search: Box<dyn CredentialSearch>,
    files: Vec<PathBuf>,
    held: Mutex<CachedCredentials>,
    /// One search at a time; who waited for another's takes what it found.
    searching: tokio::sync::Mutex<Option<SharedCredentialsProvider>>,
}

#[derive(Debug, Default)]
struct CachedCredentials {
    found: Option<Credentials>,
    /// What the files looked like when `found` was found, and when they were last looked at.
    stamps: Vec<FileTimes>,
    looked_at: Option<Instant>,
    /// AWS refused what was found.
    is_doubted: bool,
    searched_at: Option<Instant>,
    failed: Option<(Instant, Arc<CredentialsError>)>,
}

/// What changes when a file is written: time, length and inode; `None` without a file.
type FileTimes = Option<(SystemTime, u64, u64)>;

impl Renewed {
    /// Credentials of `search`, which reads `files`.
    pub(super) fn new(search: impl CredentialSearch, files: Vec<PathBuf>) -> Renewed {
        let shared = CredentialsInner {
            search: Box::new(search),
            files,
            held: Mutex::default(),
            searching: tokio::sync::Mutex::default(),
        };
        Renewed { shared: Arc::new(shared) }
    }

    /// AWS refused the credentials in use: they are looked for again at the next call.
    pub(super) fn doubt(&self) {
        let mut held = self.shared.held();
        let is_new = held.searched_at.is_none_or(|at| at.elapsed() < DOUBT_EVERY);
        // Refusals of calls under way come after the search they caused.
        held.is_doubted |= !is_new;
    }

    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        if let Some(answer) = self.shared.at_hand() {
            return answer;
        }
        let mut provider = self.shared.searching.lock().await;
        if let Some(answer) = self.shared.at_hand() {
            return answer;
        }
        let stamps = self.shared.stamps();
        let is_stale = {
            let held = self.shared.held();
            held.is_doubted || held.stamps != stamps || held.failed.is_some()
        };
        if is_stale {
            *provider = None;
        }
        let outcome = match tokio::time::timeout(PATIENCE, self.shared.ask(&mut provider)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(CredentialsError::provider_timed_out(PATIENCE)),
        };
        self.shared.note(outcome, stamps)
    }
}

impl ProvideCredentials for Renewed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}

impl CredentialsInner {
    fn held(&self) -> MutexGuard<'_, CachedCredentials> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamps(&self) -> Vec<FileTimes> {
        use std::os::unix::fs::MetadataExt;
        let stamp = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len(), found.ino()))
        };
        self.files.iter().map(stamp).collect()
    }

    /// What can be answered without a search.
    fn at_hand(&self) -> Option<Result<Credentials, CredentialsError>> {
        let mut held = self.held();
        let now = Instant::now();
        if let Some((at, error)) = &held.failed
            && now.saturating_duration_since(*at) < LOOK_EVERY
        {
            let usable = held.found.as_ref().filter(|found| !is_over(found, Duration::ZERO));
            return Some(usable.cloned().ok_or_else(|| again(error)));
        }
        if held.is_doubted || held.failed.is_some() {
            return None;
        }
        if held.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= LOOK_EVERY) {
            if held.stamps != self.stamps() {
                return None;
            }
            held.looked_at = Some(now);
        }
        held.found.clone().filter(|found| !is_over(found, BEFORE_END)).map(Ok)
    }

    async fn ask(&self, provider: &mut Option<SharedCredentialsProvider>) -> Result<Credentials, CredentialsError> {
        let provider = match provider {
            Some(provider) => provider,
            None => provider.insert(self.search.begin().await?),
        };
        provider.provide_credentials().await
    }

    fn note(
        &self,
        outcome: Result<Credentials, CredentialsError>,
        stamps: Vec<FileTimes>,
    ) -> Result<Credentials, CredentialsError> {
        let mut held = self.held();
        let now = Instant::now();
        (held.stamps, held.looked_at, held.searched_at, held.is_doubted) = (stamps, Some(now), Some(now), false);
        match outcome {
            Ok(found) => {
                held.failed = None;
                held.found = Some(found.clone());
                Ok(found)
            }
            Err(error) => {
                let error = Arc::new(error);
                held.failed = Some((now, error.clone()));
                let usable = held.found.as_ref().filter(|found| !is_over(found, Duration::ZERO));
                usable.cloned().ok_or_else(|| again(&error))
            }
        }
    }
}

fn is_over(found: &Credentials, before: Duration) -> bool {
    found.expiry().is_some_and(|end| end <= SystemTime::now() + before)
}

/// The same failure once more, for another call.
fn again(error: &Arc<CredentialsError>) -> CredentialsError {
    let source = error.clone();
    match error.as_ref() {
        CredentialsError::CredentialsNotLoaded(_) => CredentialsError::not_loaded(source),
        CredentialsError::InvalidConfiguration(_) => CredentialsError::invalid_configuration(source),
        _ => CredentialsError::provider_error(source),
    }
}

/// The files that profiles are in, where the AWS CLI looks for them.
pub(super) fn profile_files() -> Vec<PathBuf> {
    profile_files_by(|name| std::env::var_os(name))
}

fn profile_files_by(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let home = variable("HOME").map(PathBuf::from);
    let named = [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];
    let path = |(name, usual): (&str, &str)| {
        let under_home = |path: &std::path::Path| home.as_ref().map(|home| home.join(path));
        match variable(name).map(PathBuf::from) {
            Some(path) => match path.strip_prefix("~") {
                Ok(rest) => under_home(rest),
                Err(_) => Some(path),
            },
            None => under_home(usual.as_ref()),
        }
    };
    named.into_iter().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Finds what is in a file, as a tool wrote it: key, and seconds until its end.
    #[derive(Clone, Debug)]
    struct FromFile {
        path: PathBuf,
        searches: Arc<AtomicU64>,
    }

    #[async_trait]
    impl CredentialSearch for FromFile {
        async fn begin(&self) -> Result<SharedCredentialsProvider, CredentialsError> {
            self.searches.fetch_add(1, Ordering::Relaxed);
            let text = std::fs::read_to_string(&self.path).map_err(CredentialsError::not_loaded)?;
            let (key, seconds) = text.split_once(' ').ok_or_else(CredentialsError::not_loaded_no_source)?;
            let end = SystemTime::now() + Duration::from_secs(seconds.parse().map_err(CredentialsError::unhandled)?);
            Ok(SharedCredentialsProvider::new(Credentials::new(key, "secret", None, Some(end), "test")))
        }
    }

    fn at(path: PathBuf) -> (Renewed, Arc<AtomicU64>) {
        let searches: Arc<AtomicU64> = Arc::default();
        let search = FromFile { path: path.clone(), searches: searches.clone() };
        (Renewed::new(search, vec![path]), searches)
    }

    /// As if the last look and the last search were long ago.
    fn age(renewed: &Renewed) {
        let mut held = renewed.shared.held();
        held.looked_at = None;
        held.searched_at = Instant::now().checked_sub(2 * DOUBT_EVERY);
        if let Some((at, _)) = &mut held.failed {
            *at = Instant::now().checked_sub(2 * LOOK_EVERY).unwrap_or(*at);
        }
    }

    async fn key(renewed: &Renewed) -> String {
        renewed.provide().await.map_or_else(|error| error.to_string(), |found| found.access_key_id().to_owned())
    }

    #[tokio::test]
    async fn a_file_that_was_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("credentials");
        let (renewed, searches) = at(path.clone());
        assert!(key(&renewed).await.contains("not"), "there is none yet");
        std::fs::write(&path, "FIRST 3600").expect("written");
        age(&renewed);
        assert_eq!(key(&renewed).await, "FIRST");
        let before = searches.load(Ordering::Relaxed);
        age(&renewed);
        assert_eq!(key(&renewed).await, "FIRST");
        assert_eq!(searches.load(Ordering::Relaxed), before, "nothing changed, nothing is read");
        std::fs::write(&path, "SECOND 3600").expect("written");
        age(&renewed);
        assert_eq!(key(&renewed).await, "SECOND");
        std::fs::remove_file(&path).expect("removed");
        age(&renewed);
        assert_eq!(key(&renewed).await, "SECOND", "what was found is good until its end");
    }

    #[tokio::test]
    async fn what_aws_refuses_is_looked_for_again_and_not_at_every_call() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("credentials");
        std::fs::write(&path, "FIRST 3600").expect("written");
        let (renewed, searches) = at(path.clone());
        assert_eq!(key(&renewed).await, "FIRST");
        for _ in 0..10 {
            renewed.doubt();
            assert_eq!(key(&renewed).await, "FIRST");
        }
        assert_eq!(searches.load(Ordering::Relaxed), 1, "found a moment ago");
        age(&renewed);
        renewed.doubt();
        assert_eq!(key(&renewed).await, "FIRST");
        assert_eq!(searches.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn what_is_nearly_over_is_looked_for_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("credentials");
        std::fs::write(&path, "FIRST 30").expect("written");
        let (renewed, _) = at(path.clone());
        assert_eq!(key(&renewed).await, "FIRST");
        assert!(renewed.shared.at_hand().is_none(), "half a minute is left");
    }

    #[test]
    fn the_files_are_those_of_the_cli() {
        let files = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
            profile_files_by(|name| set.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
        };
        let usual = ["/home/u/.aws/config", "/home/u/.aws/credentials"].map(PathBuf::from);
        assert_eq!(files(&[("HOME", "/home/u")]), usual);
        let set = [("HOME", "/home/u"), ("AWS_CONFIG_FILE", "/etc/aws"), ("AWS_SHARED_CREDENTIALS_FILE", "~/keys")];
        assert_eq!(files(&set), ["/etc/aws", "/home/u/keys"].map(PathBuf::from));
        assert_eq!(files(&[]), Vec::<PathBuf>::new());
    }
}
