//! What S3, SQS and Redshift share. A build without AWS knows the keys too, and refuses the kinds.

use std::time::Duration;

use scanmill_core::section;
use scanmill_core::section::{arn, optional};

section! {
    /// What S3, SQS and Redshift share. Credentials come from where the AWS tools take them.
    pub struct AccountOptions in "aws" {
        /// AWS region; empty takes it from the environment, the profile or the instance.
        region: Option<String> = "" in "region", text(optional), restart;
        /// Profile of the shared AWS configuration files; empty takes the usual one.
        profile: Option<String> = "" in "profile name", text(optional), restart;
        /// Role to act as; empty keeps the credentials that are found.
        assume_role: Option<String> = "" in "role ARN", text(arn), restart;
        /// Calls per request, the first included, before a failure reaches the engine. Few: the engine itself waits and
        /// tries again, and has to see when it asks for too much.
        attempts: u32 = "2" in "attempts", whole(1, 20), restart;
        /// Longest time for one call; a long poll's wait comes on top.
        attempt_timeout as "attempt_timeout_seconds": Duration = "30" in "seconds", seconds(1, 600), restart;
    }
}
