//! The SQLite queue against a model of it, over random histories through two handles.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use scanmill::error::Class;
use scanmill::queue::LeaseRules;
use scanmill::queue::sqlite::{Notice, SqliteQueue};
use scanmill::queue::{Depth, Queue, ReceiptHandle};

const HOUR: Duration = Duration::from_secs(3600);
const DEAD_AFTER: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Announce {
        keys: Vec<u8>,
        only_new: bool,
    },
    Forget(u8),
    Receive(usize),
    /// Which of all handles ever given.
    Delete(prop::sample::Index),
    Extend(prop::sample::Index, bool),
    Redrive,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1..4_usize).prop_map(Step::Send),
        2 => (prop::collection::vec(0..6_u8, 1..4), any::<bool>())
            .prop_map(|(keys, only_new)| Step::Announce { keys, only_new }),
        1 => (0..6_u8).prop_map(Step::Forget),
        6 => (1..12_usize).prop_map(Step::Receive),
        4 => any::<prop::sample::Index>().prop_map(Step::Delete),
        5 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, back)| Step::Extend(which, back)),
        1 => Just(Step::Redrive),
    ]
}

#[derive(Default)]
struct Model {
    /// Living messages by id.
    living: BTreeMap<String, Living>,
    dead: BTreeSet<String>,
    announced: BTreeSet<u8>,
    /// Sent and not yet seen: the queue names ids at the first receive.
    unseen: usize,
    handles: Vec<(String, ReceiptHandle)>,
}

struct Living {
    count: u32,
    visible: bool,
    receipt: Option<ReceiptHandle>,
}

impl Model {
    fn depth(&self) -> Depth {
        let ready = self.living.values().filter(|message| message.visible).count() + self.unseen;
        Depth {
            ready: ready as u64,
            in_flight: (self.living.len() + self.unseen - ready) as u64,
            dead: self.dead.len() as u64,
        }
    }

    fn holds(&self, id: &str, handle: &ReceiptHandle) -> bool {
        self.living.get(id).is_some_and(|message| message.receipt.as_ref() == Some(handle))
    }
}

async fn play(lease_ends_at_once: bool, steps: Vec<(bool, Step)>) {
    let folder = tempfile::tempdir().unwrap();
    let visibility_timeout = if lease_ends_at_once { Duration::ZERO } else { HOUR };
    let options = LeaseRules { visibility_timeout, dead_letter_after: DEAD_AFTER };
    let path = folder.path().join("queue.sqlite");
    let queues = [SqliteQueue::open(&path, options).unwrap(), SqliteQueue::open(&path, options).unwrap()];
    let mut model = Model::default();
    for (which, step) in steps {
        let queue = &queues[usize::from(which)];
        match step {
            Step::Send(count) => {
                queue.send(&vec!["body".to_string(); count]).await.unwrap();
                model.unseen += count;
            }
            Step::Announce { keys, only_new } => {
                let entries: Vec<_> = keys.iter().map(|key| notice(&key.to_string())).collect();
                let sent = queue.send_announced(&entries, only_new).await.unwrap();
                let expected = keys.iter().filter(|key| model.announced.insert(**key) || !only_new).count();
                assert_eq!(sent, expected);
                model.unseen += sent;
            }
            Step::Forget(key) => {
                queue.forget_announced(vec![key.to_string()]).await.unwrap();
                model.announced.remove(&key);
                let all = (0..6_u8).map(|key| key.to_string()).collect();
                let expected: Vec<String> = model.announced.iter().map(u8::to_string).collect();
                assert_eq!(queue.announced(all).await.unwrap(), expected);
            }
            Step::Receive(max) => {
                let received = queue.receive(max, Duration::ZERO).await.unwrap();
                assert!(received.len() <= max.min(queue.advice().messages_per_receive));
                for message in &received {
                    let known = model.living.entry(message.id.clone()).or_insert_with(|| {
                        model.unseen = model.unseen.checked_sub(1).expect("a message nobody sent");
                        Living { count: 0, visible: true, receipt: None }
                    });
                    assert!(known.visible, "handed out twice");
                    assert!(known.count < DEAD_AFTER);
                    known.count += 1;
                    assert_eq!(message.receive_count, known.count);
                    known.visible = lease_ends_at_once;
                    known.receipt = Some(message.receipt.clone());
                    assert!(model.handles.iter().all(|(_, handle)| *handle != message.receipt), "a handle came back");
                    model.handles.push((message.id.clone(), message.receipt.clone()));
                }
                for letter in queue.dead_letters(usize::MAX).await.unwrap() {
                    if model.dead.insert(letter.id.clone()) {
                        let died = model.living.remove(&letter.id).expect("died without having been received");
                        assert!(died.visible && died.count == DEAD_AFTER && letter.receive_count == DEAD_AFTER);
                    }
                }
                if received.is_empty() {
                    assert_eq!(model.depth().ready, 0, "something was there to be received");
                }
            }
            Step::Delete(index) if !model.handles.is_empty() => {
                let (id, handle) = model.handles[index.index(model.handles.len())].clone();
                let result = queue.delete(std::slice::from_ref(&handle)).await.unwrap().remove(0);
                if model.holds(&id, &handle) {
                    result.unwrap();
                    model.living.remove(&id);
                } else if model.living.contains_key(&id) || model.dead.contains(&id) {
                    assert_eq!(result.unwrap_err().class(), Class::Missing);
                } else {
                    result.expect("deleted before");
                }
            }
            Step::Extend(index, back) if !model.handles.is_empty() => {
                let (id, handle) = model.handles[index.index(model.handles.len())].clone();
                let visibility = if back { Duration::ZERO } else { HOUR };
                let result = queue.extend(std::slice::from_ref(&handle), visibility).await.unwrap().remove(0);
                if model.holds(&id, &handle) {
                    result.unwrap();
                    model.living.get_mut(&id).unwrap().visible = back;
                } else {
                    assert_eq!(result.unwrap_err().class(), Class::Missing);
                }
            }
            Step::Delete(_) | Step::Extend(..) => {}
            Step::Redrive => {
                assert_eq!(queue.redrive().await.unwrap(), model.dead.len());
                for id in std::mem::take(&mut model.dead) {
                    model.living.insert(id, Living { count: 0, visible: true, receipt: None });
                }
            }
        }
        assert_eq!(queue.depth().await.unwrap(), model.depth());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_agrees_with_the_model(
        lease_ends_at_once in any::<bool>(),
        steps in prop::collection::vec((any::<bool>(), step()), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(lease_ends_at_once, steps));
    }
}

fn notice(key: &str) -> Notice {
    Notice { object: key.into(), version: key.into(), sequencer: None, body: "body".into() }
}
