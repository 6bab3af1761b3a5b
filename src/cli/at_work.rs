//! Whether an engine works on the root, for the commands that hand photos to one.

use super::{engine_file, out};
use crate::app;
use crate::config::Settings;

/// Whether an engine is at work; `None` where nobody here can know. An engine with a queue elsewhere is seen by its page.
pub(super) fn is_engine_at_work(settings: &Settings) -> Option<bool> {
    let by_page = || engine_file::page(&settings.local.root).map(|_| true);
    app::is_engine_at_work(settings).or_else(by_page)
}

/// Says that nobody reads what was queued, if that is so.
pub(super) fn note_if_none(settings: &Settings) {
    if is_engine_at_work(settings) == Some(false) {
        let root = settings.local.root.display();
        out::note(&format!("no engine is running on `{root}`: start `scanmill run`, which reads what is queued"));
    }
}
