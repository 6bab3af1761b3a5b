//! Whether the filter fits what lies in the inbox: one that nothing passes makes every photo vanish without a row.

use std::collections::BTreeMap;

use crate::actors::admission::{self, skip_reason};
use crate::config::Settings;
use crate::config::settings::{Filter, StoreKind};
use crate::domain::PhotoRef;
use crate::error::{Class, Error, Result};
use crate::probe::{Finding, warning};
use crate::store::{ObjectSummary, Store};

/// Objects looked at: enough to tell a mistyped filter from a few odd files.
const SAMPLE: usize = 1_000;

/// What a look at the inbox says of the filter; nothing where there is no filter or nothing to try it on.
pub(super) async fn filter_fit(store: &dyn Store, settings: &Settings) -> Option<Finding> {
    if settings.filter == Filter::default() {
        return None;
    }
    match fit(store, settings).await {
        Ok(outcome) => Some(Finding { name: "filter", outcome: outcome? }),
        // An inbox that is not there yet, or may not be listed, is other findings' matter.
        Err(error) if matches!(error.class(), Class::Missing | Class::Refused) => None,
        Err(error) => Some(Finding { name: "filter", outcome: Err(error.with_context("listing the inbox")) }),
    }
}

async fn fit(store: &dyn Store, settings: &Settings) -> Result<Option<Result<String>>> {
    let (inbox, prefix) = (&settings.store.inbox, &settings.filter.prefix);
    let listed = store.list(inbox, prefix, None, SAMPLE).await?;
    if listed.is_empty() {
        let others = store.list(inbox, "", None, 1).await?;
        let is_folder = settings.store.kind == StoreKind::Folder;
        if is_folder && prefix.strip_prefix(inbox.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            let message = format!(
                "filter.prefix `{prefix}` begins with the name of the inbox, which holds nothing of that name: no photo passes it"
            );
            return Ok(Some(
                Err(Error::permanent(message).with_hint("keys begin below the inbox: leave its name out")),
            ));
        }
        let message = |other: &ObjectSummary| {
            let message =
                format!("no key in the inbox begins with filter.prefix = `{prefix}`, as `{}` does not", other.key);
            Err(warning(message)
                .with_hint("keys are paths below the inbox: check the prefix, unless its photos are still to come"))
        };
        return Ok(others.first().map(message));
    }
    let mut why = BTreeMap::new();
    let photo = |object: &ObjectSummary| PhotoRef {
        bucket: inbox.clone(),
        key: object.key.clone(),
        version_id: None,
        etag: None,
        size_bytes: Some(object.size_bytes),
        sequencer: None,
        uploaded_at: None,
    };
    for reason in listed.iter().filter_map(|object| skip_reason(&photo(object), settings)) {
        why.entry(reason.as_str()).or_insert((0_usize, reason)).0 += 1;
    }
    let (looked_at, passed_over) = (listed.len(), why.values().map(|(count, _)| count).sum::<usize>());
    if passed_over < looked_at {
        return Ok(Some(Ok(format!(
            "{} of the first {looked_at} objects in the inbox pass it",
            looked_at - passed_over
        ))));
    }
    let reasons: Vec<String> = why
        .values()
        .map(|(count, reason)| format!("{count} because {}", admission::sentence(*reason, settings)))
        .collect();
    let message = format!("none of the first {looked_at} objects in the inbox passes it: {}", reasons.join("; "));
    Ok(Some(Err(
        warning(message).with_hint("check [filter]: what it passes over gets no row; `scanmill gaps` lists it")
    )))
}
