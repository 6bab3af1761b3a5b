//! The AWS path on one machine, without AWS: S3 and SQS by ministack, the Redshift Data API by a stand-in on PostgreSQL.
//!
//! `cargo run --example aws_rig` starts them, writes a configuration file, says how to use it, and stays until Ctrl-C.
//! What these servers cannot show is in `tests/rig/README.md`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

#[path = "../tests/rig/mod.rs"]
mod rig;

use rig::{DataApi, Failure, Ministack, Outcome, Stack};

fn main() -> ExitCode {
    match stay() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn stay() -> Outcome<()> {
    let says = |error: std::io::Error| Failure::new(error.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(says)?;
    let ministack = Ministack::start()?;
    let api = DataApi::start(ministack.server.endpoint())?;
    let stack = Stack::new(ministack.aws(), &api)?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/aws_rig.toml");
    std::fs::write(&config, stack.config()).map_err(says)?;

    let mut exports = String::new();
    for (name, value) in rig::ENVIRONMENT {
        exports.push_str(&format!("  export {name}={value}\n"));
    }
    let text = format!(
        "S3 and SQS  {s3}\nData API    {data_api} (workgroup `{workgroup}`, database `{database}`)\n\n{config}:\n\n{file}\n\
         In other terminals:\n\n{exports}\
         \x20 cargo run --release -- run --config {config}\n\
         \x20 cargo run --release -- pump --config {config}\n\
         \x20 cargo run --release -- report --config {config}\n\
         \x20 aws --endpoint-url {s3} s3 cp PHOTO.jpg s3://{inbox}/\n\n\
         Ctrl-C stops all of it and forgets what it holds.\n",
        s3 = stack.aws.endpoint,
        data_api = stack.data_api,
        workgroup = rig::WORKGROUP,
        database = stack.database,
        config = config.display(),
        file = stack.config(),
        inbox = stack.inbox,
    );
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(says)?;
    runtime.block_on(tokio::signal::ctrl_c()).map_err(says)
}
