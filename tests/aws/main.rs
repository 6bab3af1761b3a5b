//! The whole AWS path with the real binary and `config/aws.toml`, against servers nobody here wrote: S3 and SQS by
//! ministack and moto, Redshift's Data API by the stand-in, faults by microburst and by the stand-in itself.

#[path = "../repository/docs/pages.rs"]
#[allow(dead_code, reason = "its other half is for tests of the pages")]
mod pages;
#[path = "../process/mod.rs"]
mod process;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../support/stand_in.rs"]
mod stand_in;

mod causes;
mod credentials;
mod faults;
mod first_row;
mod flow;
mod instance;
mod instances;
mod linters;
mod orchestrate_aws;
mod outage_s3;
mod place;
mod preflight;
mod provisioning;
mod restore;
mod run_aws;
mod watch;
