//! What an actor counts, and the typed copy of it that `/state` shows and tests compare.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Something that others may look at while it changes.
pub trait Observed {
    /// The copy that is shown.
    type State;

    /// The copy of this moment. Waits for nobody.
    fn observe(&self) -> Self::State;
}

impl Observed for AtomicU64 {
    type State = u64;

    fn observe(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
}

impl Observed for Mutex<Option<String>> {
    type State = Option<String>;

    fn observe(&self) -> Option<String> {
        self.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<T: Observed> Observed for Arc<T> {
    type State = T::State;

    fn observe(&self) -> T::State {
        self.as_ref().observe()
    }
}

/// Declares what an actor counts and, with the same fields, the state that is shown of it, so that neither can forget one.
macro_rules! observed {
    (
        $(#[doc = $text:literal])* $counters:ident shown as $state:ident {
            $($(#[doc = $about:literal])* $field:ident: $cell:ty,)*
        }
    ) => {
        $(#[doc = $text])*
        #[derive(Debug, Default)]
        pub(super) struct $counters {
            $($(#[doc = $about])* pub(super) $field: $cell,)*
        }

        $(#[doc = $text])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $state {
            $($(#[doc = $about])* pub $field: <$cell as $crate::actors::observed::Observed>::State,)*
        }

        impl $crate::actors::observed::Observed for $counters {
            type State = $state;

            fn observe(&self) -> $state {
                $state { $($field: $crate::actors::observed::Observed::observe(&self.$field),)* }
            }
        }
    };
}
pub(super) use observed;
