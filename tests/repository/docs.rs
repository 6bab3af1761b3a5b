//! README and `docs/` say what there is: the reference pages are made from the code, links lead somewhere, commands
//! are ones that scanmill takes, and those of the first pages run as they stand.
//!
//! `BLESS=1 cargo test --test repository docs` writes the reference pages.

mod commands;
mod links;
mod pages;
mod reference;
mod verbatim;
