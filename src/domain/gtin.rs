//! GTIN check digits and lengths.
