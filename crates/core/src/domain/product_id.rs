//! Which product a code names, and how we know.

/// Where a product id came from, the surest first. The column `product_id_source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// It is a GTIN whose check digit is right.
    Gtin,
    /// It is another GS1 key, of a Digital Link or an element string.
    DigitalLink,
    /// It stands where a known shop, or a known shop system, puts its ids.
    KnownShop,
    /// It is the value of a parameter whose name says so.
    Query,
    /// It is the segment of a path that looks like an id.
    Path,
    /// There is no id.
    #[default]
    None,
}

impl Source {
    /// The text stored in the column.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Gtin => "gtin",
            Source::DigitalLink => "digital_link",
            Source::KnownShop => "known_shop",
            Source::Query => "query",
            Source::Path => "path",
            Source::None => "none",
        }
    }
}
