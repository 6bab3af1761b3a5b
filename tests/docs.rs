//! README and `docs/` say what there is: the reference pages are made from the code, links lead somewhere, commands
//! are ones that scanmill takes, and those of the first pages run as they stand.
//!
//! `BLESS=1 cargo test --test docs` writes the reference pages.

#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/pages.rs"]
mod pages;
#[path = "docs/reference.rs"]
mod reference;
#[path = "docs/verbatim.rs"]
mod verbatim;
