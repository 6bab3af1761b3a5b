//! The whole AWS path with the real binary and `config/aws.toml`, against servers nobody here wrote: S3 and SQS by
//! ministack and moto, Redshift's Data API by the stand-in, faults by microburst and by the stand-in itself.

#[path = "../process/mod.rs"]
mod process;
#[path = "../rig/mod.rs"]
mod rig;

mod causes;
mod faults;
mod flow;
mod instance;
mod instances;
mod linters;
mod place;
mod preflight;
mod provisioning;
mod watch;
