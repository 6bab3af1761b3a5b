//! What linters say of the stacks, the Terraform module and the systemd unit. Exceptions stand, with their reasons, beside
//! the resource they are made for.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::rig::Venv;

const TEMPLATES: [&str; 4] = ["pipeline.yaml", "warehouse.yaml", "engine.yaml", "network.yaml"];

/// Of `systemd-analyze security`, out of 10; the highest that a daemon with a network may have here.
const MOST_EXPOSED: f64 = 2.5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_templates_are_clean_by_cfn_lint() {
    let mut command = Command::new(Venv::ready().unwrap().program("cfn-lint"));
    let output = command.args(TEMPLATES).current_dir(folder()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// Also holds that the Terraform module parses: its own program and provider are not to be had here.
#[test]
fn stacks_and_module_are_clean_by_checkov() {
    let mut command = Command::new(Venv::linters().unwrap().program("checkov"));
    // It would ask its maker's server for guidelines.
    command.args(["--directory", ".", "--skip-download", "--compact", "--quiet", "--output", "json"]);
    command.args(["--framework", "cloudformation", "terraform"]).current_dir(folder());
    let output = command.output().unwrap();
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    for report in reports.as_array().unwrap() {
        let summary = &report["summary"];
        assert_eq!((&summary["failed"], &summary["parsing_errors"]), (&0.into(), &0.into()), "{report:#}");
        assert!(summary["resource_count"].as_u64() > Some(20), "{summary}");
    }
    assert_eq!(reports.as_array().map(Vec::len), Some(2), "{reports}");
}

#[test]
fn every_action_of_the_roles_exists_and_fits_its_resource() {
    let mut command = Command::new(Venv::linters().unwrap().program("python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig/policies.py"));
    let output = command.args(["engine.yaml", "pipeline.yaml"]).current_dir(folder()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// CloudFormation and Terraform allow the same.
#[test]
fn both_ways_allow_the_engine_the_same() {
    let actions = |text: &str| {
        let is_action = |word: &&str| {
            word.split_once(':').is_some_and(|(service, action)| {
                ["sqs", "s3", "redshift-data", "redshift-serverless", "logs", "autoscaling", "kms"].contains(&service)
                    && action.starts_with(|c: char| c.is_ascii_uppercase())
                    && action.chars().all(|c| c.is_ascii_alphanumeric())
                    && action.contains(|c: char| c.is_ascii_lowercase())
            })
        };
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || ":-".contains(c)));
        words.filter(is_action).map(str::to_owned).collect::<std::collections::BTreeSet<String>>()
    };
    let stack = std::fs::read_to_string(folder().join("engine.yaml")).unwrap();
    let module = std::fs::read_to_string(folder().join("terraform/role.tf")).unwrap();
    assert_eq!(actions(&stack), actions(&module));
    assert!(actions(&stack).len() > 15);
}

#[test]
fn the_unit_exposes_little() {
    let mut command = Command::new("systemd-analyze");
    let Ok(output) = command.args(["security", "--offline=yes"]).arg(folder().join("scanmill.service")).output() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no systemd-analyze: apt-get install systemd");
        return;
    };
    let said = said(&output);
    let level =
        said.split("Overall exposure level for scanmill.service: ").nth(1).and_then(|rest| rest.split(' ').next());
    let level: f64 = level.and_then(|level| level.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    assert!(level < MOST_EXPOSED, "{said}");
}
