//! Closed lists: enums whose values have a text, so that they can be stored, counted and shown by one name.

/// Makes enums with `ALL`, every value in order, and `as_str`, the text of each.
#[macro_export]
macro_rules! closed_list {
    ($($(#[$attribute:meta])* $name:ident { $($(#[$what:meta])* $value:ident = $text:literal,)* })*) => {
        $(
            $(#[$attribute])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub enum $name { $($(#[$what])* $value,)* }

            impl $name {
                /// Every value, in order.
                pub const ALL: &'static [$name] = &[$($name::$value,)*];

                /// The text in metrics, logs and rows.
                pub const fn as_str(self) -> &'static str {
                    match self { $($name::$value => $text,)* }
                }
            }
        )*
    };
}
