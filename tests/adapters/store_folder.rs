//! The folder store: what it holds, what it refuses, and what others see while it writes.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode};
use scanmill::domain::{Exclusions, PhotoRef};
use scanmill::error::{Class, Error, Result};
use scanmill::store::folder::{Announce, Announcement, FolderStore};
use scanmill::store::{Put, PutMode, Store};

const ALL: u64 = u64::MAX;

fn open(root: &Path) -> FolderStore {
    FolderStore::open(root, None).expect("opens")
}

async fn put(store: &FolderStore, bucket: &str, key: &str, content: &str) -> Result<Put> {
    store.put(bucket, key, Bytes::copy_from_slice(content.as_bytes()), PutMode::Overwrite).await
}

async fn keys(store: &FolderStore, bucket: &str) -> Vec<String> {
    store.list(bucket, "", None, usize::MAX).await.unwrap().into_iter().map(|listed| listed.key).collect()
}

fn class<T: std::fmt::Debug>(result: Result<T>) -> Class {
    result.unwrap_err().class()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test]
async fn an_object_is_a_file_with_an_etag_of_its_content() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    for key in
        ["a.jpg", "2026/05/a b+c++d%20%2F#?&.jpg", "größe/写真/\u{1F4F7}.jpg", "back\\slash", "new\nline", "x..y/z~"]
    {
        let before = Timestamp::now();
        let Put::Written { etag } = put(&store, "inbox", key, "photo").await.unwrap() else { panic!("not written") };
        assert_eq!(std::fs::read(root.path().join("inbox").join(key)).unwrap(), b"photo");
        let object = store.get("inbox", key, None, 5).await.unwrap();
        assert_eq!((&object.bytes[..], &object.etag), (&b"photo"[..], &etag));
        assert!(object.modified_at.unwrap() >= before - jiff::SignedDuration::from_secs(1));
        assert_eq!(store.get("inbox", key, Some("null"), ALL).await.unwrap().etag, etag);
        assert_eq!(class(store.get("inbox", key, Some("v2"), ALL).await), Class::Missing);
    }
    let etag = |put: Put| match put {
        Put::Written { etag } => etag,
        Put::AlreadyThere => panic!("not written"),
    };
    let first = etag(put(&store, "inbox", "a.jpg", "one").await.unwrap());
    let second = etag(put(&store, "inbox", "a.jpg", "two").await.unwrap());
    assert_ne!(first, second);
    assert_eq!(etag(put(&store, "inbox", "a.jpg", "one").await.unwrap()), first);
    assert_eq!((first.len(), first.chars().all(|digit| digit.is_ascii_hexdigit())), (32, true));
    assert!(store.get("inbox", "absent", None, ALL).await.unwrap_err().to_string().contains("inbox/absent"));
    assert_eq!(class(store.get("inbox", "absent", None, ALL).await), Class::Missing);
    assert_eq!(class(store.get("nowhere", "a.jpg", None, ALL).await), Class::Missing);
    assert_eq!(class(store.get("inbox", "a.jpg/b", None, ALL).await), Class::Missing);
}

#[tokio::test]
async fn a_look_tells_what_a_read_would() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, "inbox", "a/b.jpg", "photo").await.unwrap();
    let (head, object) =
        (store.head("inbox", "a/b.jpg").await.unwrap(), store.get("inbox", "a/b.jpg", None, ALL).await);
    let object = object.unwrap();
    assert_eq!((head.etag, head.size_bytes, head.version_id), (object.etag, 5, None));
    assert_eq!(head.modified_at, object.modified_at);
    assert_eq!(class(store.head("inbox", "absent").await), Class::Missing);
    assert_eq!(class(store.head("inbox", "a").await), Class::Permanent);
    assert_eq!(class(store.head("inbox", "../a").await), Class::Permanent);
}

#[tokio::test]
async fn no_key_leaves_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("inbox/sub")).unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    std::fs::create_dir(folder.path().join("outside")).unwrap();
    std::fs::write(folder.path().join("outside/secret"), "secret").unwrap();
    symlink(folder.path().join("secret"), root.join("inbox/link")).unwrap();
    symlink(folder.path().join("outside"), root.join("inbox/out")).unwrap();
    symlink("../../..", root.join("inbox/sub/up")).unwrap();
    symlink(folder.path().join("outside"), root.join("elsewhere")).unwrap();
    let store = open(&root);
    let secret = folder.path().join("secret").display().to_string();
    for (bucket, key) in [
        ("inbox", "../secret"),
        ("inbox", "../../secret"),
        ("inbox", "sub/../../../secret"),
        ("inbox", secret.as_str()),
        ("inbox", "link"),
        ("inbox", "out/secret"),
        ("inbox", "sub/up/secret"),
        ("elsewhere", "secret"),
        ("..", "secret"),
        ("inbox/..", "secret"),
        (".", "inbox"),
        ("", "inbox"),
    ] {
        assert_eq!(class(store.get(bucket, key, None, ALL).await), Class::Permanent, "get {bucket} {key}");
        if key != "link" {
            assert_eq!(class(put(&store, bucket, key, "x").await), Class::Permanent, "put {bucket} {key}");
        }
    }
    // A put takes the link's place; it does not follow it.
    put(&store, "inbox", "link", "mine").await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("secret")).unwrap(), b"secret");
    assert_eq!(keys(&store, "inbox").await, ["link"]);
    assert_eq!(std::fs::read_dir(folder.path().join("outside")).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_no_object_is_said_to_be_none() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, "inbox", "folder/photo", "x").await.unwrap();
    let fifo = root.path().join("inbox/fifo");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("inbox/socket")).unwrap();
    for (key, kind) in [("fifo", "a FIFO"), ("socket", "a socket"), ("folder", "a folder")] {
        let error = store.get("inbox", key, None, ALL).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.to_string().contains(kind) && error.hint_text().is_some(), "{error}");
        let error = store.put("inbox", key, Bytes::new(), PutMode::CreateOnce).await.unwrap_err();
        assert!(error.class() == Class::Permanent && error.to_string().contains(kind), "{error}");
    }
    // One name cannot be both an object and a folder.
    for key in ["folder", "folder/photo/below"] {
        let error = put(&store, "inbox", key, "x").await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(error.hint_text().unwrap().contains("both `a` and `a/b`"), "{}", error.report());
    }
    assert_eq!(keys(&store, "inbox").await, ["folder/photo"]);
    assert_eq!(FolderStore::open(&root.path().join("absent"), None).err().unwrap().class(), Class::Missing);
    assert_eq!(class(FolderStore::open(&root.path().join("inbox/folder/photo"), None).map(drop)), Class::Permanent);
}

#[tokio::test]
async fn an_object_too_large_is_poison() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    put(&store, "inbox", "k", "12345").await.unwrap();
    assert_eq!(class(store.get("inbox", "k", None, 4).await), Class::TooLarge);
    assert_eq!(store.get("inbox", "k", None, 5).await.unwrap().bytes.len(), 5);
    // Sparse: a terabyte by its size, and nobody waits for it to be read.
    let huge = std::fs::File::create(root.path().join("inbox/huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert_eq!(class(store.get("inbox", "huge", None, 32 << 20).await), Class::TooLarge);
    put(&store, "inbox", "empty", "").await.unwrap();
    assert!(store.get("inbox", "empty", None, 0).await.unwrap().bytes.is_empty());
}

#[test]
fn create_once_has_one_winner() {
    let root = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let key = format!("batches/{round}");
        let outcomes: Vec<Put> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let (root, key) = (root.path(), &key);
                    scope.spawn(move || {
                        let content = Bytes::from(vec![b'0' + writer; 10_000]);
                        runtime().block_on(open(root).put("results", key, content, PutMode::CreateOnce)).unwrap()
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let won: Vec<_> = outcomes.iter().filter(|outcome| **outcome != Put::AlreadyThere).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        let object = runtime().block_on(open(root.path()).get("results", &key, None, ALL)).unwrap();
        assert_eq!(*won[0], Put::Written { etag: object.etag });
        assert_eq!(object.bytes.len(), 10_000);
    }
    assert_eq!(leftovers(root.path(), "results"), 0);
}

fn leftovers(root: &Path, bucket: &str) -> usize {
    std::fs::read_dir(root.join(bucket).join(".scanmill-partial")).map_or(0, Iterator::count)
}

#[test]
fn readers_see_whole_objects_only() {
    let root = tempfile::tempdir().unwrap();
    let content = |letter: u8| Bytes::from(vec![letter; 300_000]);
    let put = |letter: u8| {
        runtime().block_on(open(root.path()).put("inbox", "dir/k", content(letter), PutMode::Overwrite)).unwrap()
    };
    put(b'a');
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..40).for_each(|round| drop(put(b'a' + round % 26))));
        let reader = open(root.path());
        while !writer.is_finished() {
            runtime().block_on(async {
                let object = reader.get("inbox", "dir/k", None, ALL).await.unwrap();
                assert!(object.bytes.len() == 300_000 && object.bytes.iter().all(|byte| *byte == object.bytes[0]));
                assert_eq!(keys(&reader, "inbox").await, ["dir/k"]);
            });
        }
    });
    assert_eq!(leftovers(root.path(), "inbox"), 0);
}

#[test]
fn half_written_files_of_a_killed_process_are_swept_when_old() {
    let root = tempfile::tempdir().unwrap();
    let partial = root.path().join("inbox/.scanmill-partial");
    std::fs::create_dir_all(&partial).unwrap();
    let old = std::fs::File::create(partial.join("old")).unwrap();
    old.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7_200)).unwrap();
    std::fs::write(partial.join("young"), "in the making").unwrap();
    let store = open(root.path());
    assert!(!partial.join("old").try_exists().unwrap() && partial.join("young").try_exists().unwrap());
    assert!(runtime().block_on(keys(&store, "inbox")).is_empty());
}

#[tokio::test]
async fn keys_are_listed_in_the_order_of_their_bytes() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    assert!(keys(&store, "inbox").await.is_empty(), "a bucket nobody wrote to is empty");
    let all = ["a-b", "a/b", "a/c/d", "a0", "b", "b!", "ba/x", "é"];
    for key in all.iter().rev() {
        put(&store, "inbox", key, key).await.unwrap();
    }
    for hidden in ["inbox/.DS_Store", "inbox/a/.k.Xu7"] {
        std::fs::write(root.path().join(hidden), "x").unwrap();
    }
    std::fs::create_dir(root.path().join("inbox/empty")).unwrap();
    symlink("a", root.path().join("inbox/link")).unwrap();
    assert_eq!(keys(&store, "inbox").await, all);
    let listed = store.list("inbox", "a/c", None, 1).await.unwrap().remove(0);
    assert_eq!((listed.key.as_str(), listed.size_bytes), ("a/c/d", 5));
    assert!(listed.modified_at.is_some());
    for (prefix, after, max, expected) in [
        ("a", None, 9, &["a-b", "a/b", "a/c/d", "a0"][..]),
        ("a/", None, 9, &["a/b", "a/c/d"]),
        ("a/c/d", None, 9, &["a/c/d"]),
        ("a//", None, 9, &[]),
        ("", Some("a/b"), 2, &["a/c/d", "a0"]),
        ("", Some("a/"), 1, &["a/b"]),
        ("", Some("a/c/"), 1, &["a/c/d"]),
        ("", Some("a/zz"), 1, &["a0"]),
        ("b", Some("a"), 9, &["b", "b!", "ba/x"]),
        ("a", Some("b"), 9, &[]),
        ("", None, 0, &[]),
    ] {
        let listed = store.list("inbox", prefix, after, max).await.unwrap();
        assert_eq!(listed.iter().map(|l| l.key.as_str()).collect::<Vec<_>>(), expected, "{prefix} {after:?} {max}");
    }
    assert_eq!(class(store.list("..", "", None, 9).await), Class::Permanent);
}

#[tokio::test]
async fn a_wide_folder_is_listed_page_by_page() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let inbox = root.path().join("inbox");
    // Many folders without any file before the first key: a page must look beyond them.
    for number in 0..300 {
        std::fs::create_dir_all(inbox.join(format!("empty{number:03}"))).unwrap();
        std::fs::write(inbox.join(format!("photo{number:03}")), "").unwrap();
    }
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = store.list("inbox", "", seen.last().map(String::as_str), 7).await.unwrap();
        let is_last = page.len() < 7;
        seen.extend(page.into_iter().map(|listed| listed.key));
        if is_last {
            break;
        }
    }
    assert_eq!(seen, (0..300).map(|number| format!("photo{number:03}")).collect::<Vec<_>>());
}

fn key() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[ab]{1,2}",
        2 => "[a-c!+%# /\\-0~é写]{1,4}".prop_map(|part| part.replace('/', "")),
        1 => any::<String>().prop_map(|part| part.replace(['/', '\0'], "").chars().take(20).collect()),
    ];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a put accepts is read back and listed in its place; whatever it refuses leaves nothing.
    #[test]
    fn accepted_keys_come_back(
        wanted in prop::collection::vec(key(), 1..12),
        prefix in "[ab]{0,2}/?",
        after in prop::option::of(key()),
        max in 1..12_usize,
    ) {
        let root = tempfile::tempdir().unwrap();
        let store = open(root.path());
        let mut held = BTreeMap::new();
        runtime().block_on(async {
            for (number, key) in wanted.iter().enumerate() {
                let content = number.to_string();
                match put(&store, "inbox", key, &content).await {
                    Ok(_) => drop(held.insert(key.clone(), content)),
                    Err(error) => assert_eq!(error.class(), Class::Permanent, "{error}"),
                }
            }
            for (key, content) in &held {
                assert_eq!(&store.get("inbox", key, None, ALL).await.unwrap().bytes[..], content.as_bytes());
            }
            assert_eq!(keys(&store, "inbox").await, held.keys().cloned().collect::<Vec<_>>());
            let listed = store.list("inbox", &prefix, after.as_deref(), max).await.unwrap();
            let expected: Vec<_> = held
                .keys()
                .filter(|key| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| *key > after))
                .take(max)
                .collect();
            assert_eq!(listed.iter().map(|listed| &listed.key).collect::<Vec<_>>(), expected);
        });
    }
}

/// Keeps what it is told, or refuses.
#[derive(Default)]
struct Told {
    photos: Mutex<Vec<(PhotoRef, bool)>>,
    refuses: bool,
}

#[async_trait]
impl Announce for Told {
    async fn announce(&self, photos: &[PhotoRef], only_new: bool) -> Result<()> {
        if self.refuses {
            return Err(Error::transient("the queue is away"));
        }
        self.photos.lock().unwrap().extend(photos.iter().map(|photo| (photo.clone(), only_new)));
        Ok(())
    }

    async fn forget(&self, _: &[PhotoRef]) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_upload_to_the_inbox_is_announced_once_it_is_durable() {
    let root = tempfile::tempdir().unwrap();
    let told = Arc::new(Told::default());
    let announcement = Announcement { bucket: "inbox".into(), exclude: Exclusions::default(), to: told.clone() };
    let store = FolderStore::open(root.path(), Some(announcement)).unwrap();
    let before = Timestamp::now();
    let Put::Written { etag } = put(&store, "inbox", "a b+c.jpg", "photo").await.unwrap() else {
        panic!("not written")
    };
    put(&store, "inbox", "a b+c.jpg", "photo").await.unwrap();
    put(&store, "results", "a", "not announced").await.unwrap();
    assert_eq!(store.put("inbox", "a b+c.jpg", Bytes::new(), PutMode::CreateOnce).await.unwrap(), Put::AlreadyThere);
    let told = std::mem::take(&mut *told.photos.lock().unwrap());
    assert_eq!(told.len(), 2, "each upload, as S3 does");
    let (photo, only_new) = &told[0];
    assert!(!only_new);
    assert_eq!((photo.bucket.as_str(), photo.key.as_str()), ("inbox", "a b+c.jpg"));
    assert_eq!((photo.etag.as_deref(), photo.size_bytes, &photo.version_id), (Some(etag.as_str()), Some(5), &None));
    assert!(photo.uploaded_at.unwrap() >= before);
    assert_eq!(photo.id(), told[1].0.id(), "the same bytes under the same key are the same photo");
    let sequencers = [photo.sequencer.as_deref().unwrap(), told[1].0.sequencer.as_deref().unwrap()];
    assert!(sequencers.iter().all(|sequencer| sequencer.len() == 18));
    assert!(sequencers[0] < sequencers[1], "of one length, so they compare as text");
}

#[tokio::test]
async fn an_upload_that_cannot_be_announced_fails_and_stays() {
    let root = tempfile::tempdir().unwrap();
    let to = Arc::new(Told { refuses: true, ..Told::default() });
    let store = FolderStore::open(
        root.path(),
        Some(Announcement { bucket: "inbox".into(), exclude: Exclusions::default(), to }),
    )
    .unwrap();
    let error = put(&store, "inbox", "k", "photo").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(error.to_string(), "announcing `inbox/k`: the queue is away");
    assert_eq!(keys(&store, "inbox").await, ["k"]);
    put(&store, "results", "k", "other buckets do not mind").await.unwrap();
}
