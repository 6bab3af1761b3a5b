//! The guide's way from an empty account to the first row, as it stands, on an account that holds nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::pages;
use crate::process::photo::jpeg;
use crate::rig::{self, DataApi, Ministack, Venv};

/// What takes minutes and a clean checkout, and has tests of its own (`packaging/`).
const RELEASE: &str = "#!/bin/sh\nmkdir -p target/release-files\n\
    echo artefact > target/release-files/scanmill-0.1.0-x86_64.tar.gz\n";

#[test]
fn the_guide_leads_from_an_empty_account_to_the_first_row_and_to_instances() {
    let account = Ministack::start().unwrap();
    let endpoint = account.server.endpoint();
    let warehouse = DataApi::start(endpoint).unwrap();
    let database = warehouse.create_database().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (here, programs) = (folder.path().join("here"), folder.path().join("programs"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(here.join("packaging")).unwrap();
    fs::create_dir(&programs).unwrap();
    symlink(repository.join("config"), here.join("config")).unwrap();
    pages::program(&here.join("packaging/release.sh"), RELEASE);
    let python = Venv::ready().unwrap().program("python");
    let client = repository.join("tests/aws/aws_cli.py");
    pages::program(
        &programs.join("aws"),
        &format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", python.display(), client.display()),
    );
    fs::write(here.join("photo.jpg"), jpeg("https://shop.example/p/1")).unwrap();

    let account_of = |command: &mut Command| {
        command.envs(rig::ENVIRONMENT.iter().copied());
        command.env("AWS_DEFAULT_REGION", rig::REGION).env("AWS_ENDPOINT_URL", endpoint);
    };
    let mut bash = pages::shell(&pages::page("docs/guides/aws.md").blocks("sh").concat(), &here, &programs);
    account_of(&mut bash);
    let (workgroup, region) = (rig::WORKGROUP, rig::REGION);
    let arn = format!("arn:aws:redshift-serverless:{region}:000000000000:workgroup/{workgroup}");
    bash.env("WAREHOUSE_STACK", "scanmill-warehouse");
    bash.env("WAREHOUSE_OUTPUTS", format!("WorkgroupName={workgroup} WorkgroupArn={arn}"));
    // Servers on this machine instead of Amazon's.
    for (key, value) in [
        ("AWS_REGION", rig::REGION),
        ("S3_ENDPOINT", endpoint),
        ("S3_PATH_STYLE", "true"),
        ("SQS_ENDPOINT", endpoint),
        ("REDSHIFT_ENDPOINT", warehouse.endpoint()),
        ("REDSHIFT_WORKGROUP", rig::WORKGROUP),
        ("REDSHIFT_DATABASE", &database),
        ("QUEUE_WAIT_SECONDS", "1"),
        ("METRICS_LISTEN", "127.0.0.1:0"),
    ] {
        bash.env(format!("SCANMILL_{key}"), value);
    }
    let output = bash.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, errors) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{printed}\n{errors}");
    let rows = warehouse.query(&database, "SELECT product_url FROM scans").unwrap();
    assert_eq!(rows, [["https://shop.example/p/1"]], "{printed}\n{errors}");
    // Both stacks that ministack can make are there, and what the instances take is where they look for it.
    let artefacts = account.aws().list("my-artifacts", "").unwrap();
    assert_eq!(artefacts, ["scanmill-0.1.0-x86_64.tar.gz"]);
    for stack in ["scanmill-pipeline", "scanmill-engine"] {
        let mut aws = Command::new(programs.join("aws"));
        aws.args(["cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].StackStatus"]);
        account_of(aws.args(["--output", "text"]));
        let outputs = aws.output().unwrap();
        assert_eq!(said(&outputs.stdout).trim(), "CREATE_COMPLETE", "{stack}: {}", said(&outputs.stderr));
    }
}
