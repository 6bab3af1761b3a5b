//! One call for many entries: batches of ten, several under way at once, the answer to each entry read.
//!
//! HTTP 200 does not mean that every entry went well: SQS lists those that did not, and only the rest is done.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::{MAX_BATCH, fault};
use scanmill_core::error::{Error, Result};
use scanmill_flow::RetryPolicy;

/// Most bytes of message bodies in one call, and in one message: 1 MiB.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// Calls under way at once for one list of entries.
const AT_ONCE: usize = 8;

/// Tries of an entry that asked for another one.
pub(super) const TRIES: u32 = 4;

/// What a call said of its entries, by the entry's place in the whole list.
#[derive(Debug, Default)]
pub(super) struct BatchAnswer {
    /// Done.
    pub(super) done: Vec<usize>,
    /// Not done, and why.
    pub(super) refused: Vec<(usize, Error)>,
}

/// Splits entries into batches that one call takes. `bytes` is each entry's weight; none is above [`MAX_BYTES`].
fn split(entries: &[usize], bytes: &dyn Fn(usize) -> usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut weight = 0;
    for &entry in entries {
        let more = bytes(entry);
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_BATCH && weight + more <= MAX_BYTES => {
                batch.push(entry);
                weight += more;
            }
            _ => {
                batches.push(vec![entry]);
                weight = more;
            }
        }
    }
    batches
}

/// Runs `call` over `count` entries. One result per entry, in order; entries whose refusal may pass are tried up to
/// `tries` times.
///
/// # Errors
/// When not one call was answered: the first one's error.
pub(super) async fn run<'a>(
    count: usize,
    tries: u32,
    bytes: impl Fn(usize) -> usize,
    call: impl Fn(Vec<usize>) -> BoxFuture<'a, Result<BatchAnswer>>,
) -> Result<Vec<Result<()>>> {
    let mut results: Vec<Option<Result<()>>> = (0..count).map(|_| None).collect();
    let mut unanswered = None;
    let mut is_answered = count == 0;
    let mut open: Vec<usize> = (0..count).collect();
    let policy = RetryPolicy {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(2),
        tries: Some(tries),
        within: None,
    };
    let mut tries = policy.start();
    while !open.is_empty() {
        let calls: Vec<_> = split(&open, &bytes)
            .into_iter()
            .map(|batch| {
                let answer = call(batch.clone());
                async move { (batch, answer.await) }
            })
            .collect();
        open.clear();
        let mut answers = futures_util::stream::iter(calls).buffer_unordered(AT_ONCE);
        while let Some((batch, answer)) = answers.next().await {
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    for entry in batch {
                        results[entry] = Some(Err(fault::copy(&error)));
                    }
                    unanswered.get_or_insert(error);
                    continue;
                }
            };
            is_answered = true;
            for entry in answer.done {
                results[entry] = Some(Ok(()));
            }
            for (entry, error) in answer.refused {
                if error.class().is_retryable() && tries.has_another() {
                    open.push(entry);
                }
                results[entry] = Some(Err(error));
            }
        }
        if !open.is_empty() {
            tries.another(None).await;
        }
    }
    match unanswered {
        Some(error) if !is_answered => Err(error),
        _ => Ok(results.into_iter().map(|result| result.unwrap_or_else(|| Err(unmentioned()))).collect()),
    }
}

fn unmentioned() -> Error {
    Error::transient("the answer of SQS does not mention one of the entries")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use scanmill_core::error::Class;

    #[test]
    fn a_batch_ends_by_count_or_by_bytes() {
        let all: Vec<usize> = (0..25).collect();
        let lengths = |batches: Vec<Vec<usize>>| batches.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(split(&all, &|_| 0)), [10, 10, 5]);
        assert_eq!(lengths(split(&all[..7], &|_| MAX_BYTES / 3)), [3, 3, 1]);
        assert_eq!(lengths(split(&all[..3], &|entry| if entry == 1 { MAX_BYTES } else { 1 })), [1, 1, 1]);
        assert_eq!(lengths(split(&[], &|_| 0)), [0_usize; 0]);
    }

    #[tokio::test]
    async fn each_entry_gets_its_own_result() {
        let calls = Mutex::new(Vec::new());
        let results = run(
            13,
            TRIES,
            |_| 0,
            |batch| {
                calls.lock().unwrap().push(batch.clone());
                let mut answer = BatchAnswer::default();
                for entry in batch {
                    match entry {
                        2 => answer.refused.push((2, Error::missing("gone"))),
                        3 => answer.refused.push((3, Error::throttled("slower"))),
                        4 if calls.lock().unwrap().len() <= 2 => answer.refused.push((4, Error::transient("again"))),
                        5 => {}
                        _ => answer.done.push(entry),
                    }
                }
                Box::pin(async move { Ok(answer) })
            },
        )
        .await
        .unwrap();
        let classes: Vec<_> = results.iter().map(|result| result.as_ref().err().map(Error::class)).collect();
        let mut expected = vec![None; 13];
        expected[2] = Some(Class::Missing);
        expected[3] = Some(Class::Throttled);
        expected[5] = Some(Class::Transient);
        assert_eq!(classes, expected);
        let calls = calls.into_inner().unwrap();
        assert_eq!(calls.len(), 2 + TRIES as usize - 1, "only what asked for it is tried again: {calls:?}");
        assert_eq!(calls[2], [3, 4]);
        assert_eq!(calls[3], [3]);
    }

    #[tokio::test]
    async fn a_call_without_an_answer_speaks_for_its_entries() {
        let fail = |batch: Vec<usize>| -> BoxFuture<'static, Result<BatchAnswer>> {
            Box::pin(async move {
                if batch.contains(&0) {
                    return Err(Error::permanent("no").with_hint("yes"));
                }
                Ok(BatchAnswer { done: batch, refused: Vec::new() })
            })
        };
        assert_eq!(run(5, TRIES, |_| 0, fail).await.unwrap_err().class(), Class::Permanent);
        let results = run(15, TRIES, |_| 0, fail).await.unwrap();
        assert!(results[..10].iter().all(|result| result.as_ref().is_err_and(|e| e.hint_text() == Some("yes"))));
        assert!(results[10..].iter().all(Result::is_ok));
        assert!(run(0, TRIES, |_| 0, fail).await.unwrap().is_empty());
    }
}
