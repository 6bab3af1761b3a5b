//! The queues and the stores against stand-ins, models and servers that nobody here wrote; and those servers
//! themselves.

#[path = "../process/mod.rs"]
mod process;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../support/stand_in.rs"]
mod stand_in;

mod queue_model;
mod queue_sqlite;
mod queue_sqs;
mod rig_isolation;
mod rig_servers;
mod rig_standin;
mod store_folder;
mod store_s3;
mod store_s3_servers;
mod store_watch;
