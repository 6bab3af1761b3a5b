//! URL normalisation and product ids.
