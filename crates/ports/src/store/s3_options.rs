//! How the store in Amazon S3 is reached.

use scanmill_core::section;
use scanmill_core::section::endpoint;

section! {
    /// With `store.kind` `s3`.
    pub struct S3Options in "s3" {
        /// Another S3 server; empty is Amazon's.
        endpoint: Option<String> = "" in "URL", text(endpoint), restart;
        /// Bucket in the path instead of the host name, as most other S3 servers need it.
        path_style: bool = "false" in "true or false", flag, restart;
    }
}
