//! `scanmill-watch` beside a stand-in for the instance's metadata: what it does when the instance is to go.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A metadata service (version 2 only) that knows these paths, for as long as the test runs.
fn metadata(known: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap();
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let body = if asked.starts_with("PUT /latest/api/token") {
                Some("a-token")
            } else if asked.to_lowercase().contains("x-aws-ec2-metadata-token: a-token") {
                let wanted = path.strip_prefix("/latest/meta-data/");
                known.iter().find(|(path, _)| wanted == Some(path)).map(|(_, body)| *body)
            } else {
                None
            };
            let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
            let body = body.unwrap_or_default();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // curl may have gone.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

struct Watch {
    folder: TempDir,
    process: Child,
}

impl Watch {
    /// `has_failed`: what `systemctl is-failed` says of the engine.
    fn start(known: &'static [(&'static str, &'static str)], has_failed: bool) -> Watch {
        let folder = tempfile::tempdir().unwrap();
        for name in ["systemctl", "aws"] {
            let path = folder.path().join(name);
            let text = format!(
                "#!/bin/sh\ncase \"$*\" in is-failed*) exit {};; esac\necho \"{name} $*\" >> {}/said\n",
                u8::from(!has_failed),
                folder.path().display()
            );
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::write(folder.path().join("said"), "").unwrap();
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws/scanmill-watch"));
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).env("SCANMILL_IMDS", metadata(known)).env("SCANMILL_WATCH_SECONDS", "0.02");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Watch { folder, process }
    }

    fn said(&self) -> Vec<String> {
        let said = std::fs::read_to_string(self.folder.path().join("said")).unwrap();
        said.lines().map(str::to_owned).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const HERE: [(&str, &str); 3] = [
    ("instance-id", "i-1"),
    ("placement/region", "eu-central-1"),
    ("tags/instance/aws:autoscaling:groupName", "the-group"),
];
const GOES: &str = "aws autoscaling complete-lifecycle-action --lifecycle-hook-name drain --lifecycle-action-result CONTINUE \
                    --auto-scaling-group-name the-group --region eu-central-1 --instance-id i-1";

#[test]
fn the_engine_drains_before_its_instance_goes() {
    const SCALED_IN: &[(&str, &str)] =
        &[HERE[0], HERE[1], HERE[2], ("autoscaling/target-lifecycle-state", "Terminated")];
    const SPOT: &[(&str, &str)] = &[HERE[0], HERE[1], HERE[2], ("spot/instance-action", "{\"action\": \"terminate\"}")];
    for known in [SCALED_IN, SPOT] {
        let mut watch = Watch::start(known, false);
        assert!(watch.process.wait().unwrap().success());
        assert_eq!(watch.said(), ["systemctl stop scanmill.service", GOES], "{known:?}");
    }
}

#[test]
fn an_engine_that_systemd_gave_up_is_replaced_and_one_that_runs_is_not() {
    const STAYS: &[(&str, &str)] = &[HERE[0], HERE[1], HERE[2], ("autoscaling/target-lifecycle-state", "InService")];
    let (failed, fine) = (Watch::start(STAYS, true), Watch::start(STAYS, false));
    while failed.said().is_empty() {
        std::thread::sleep(Duration::from_millis(100));
    }
    let asked = "aws autoscaling set-instance-health --health-status Unhealthy --region eu-central-1 --instance-id i-1";
    assert_eq!(failed.said(), [asked]);
    assert_eq!(fine.said(), Vec::<String>::new());
}
