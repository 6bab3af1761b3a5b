//! Credentials and the network as the AWS CLI has them, by the real binary in front of an S3 that knows one key.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::process::{Root, Running};
use crate::stand_in::{Answer, Request, StandIn, error, ok};

/// Lists empty buckets to whoever signs with this key.
const KNOWN: &str = "KNOWN";

fn answer(request: &Request) -> Answer {
    let signed = request.header("authorization").unwrap_or_default();
    let action = request.action();
    match () {
        () if !signed.contains(&format!("Credential={KNOWN}/")) => {
            error(400, "ExpiredToken", "The provided token has expired.")
        }
        () if action == "s3:ListBucket" => ok(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
        () if action == "s3:GetBucketNotification" => error(501, "NotImplemented", "no"),
        () if action == "s3:PutObject" => error(412, "PreconditionFailed", "there is one"),
        () => error(404, "NoSuchKey", "not there"),
    }
}

/// A command on S3 that finds its credentials in these files alone.
fn on_s3(mut command: Command, endpoint: &str, files: &Path) -> Command {
    for pair in ["store.kind=s3", "s3.path_style=true", "aws.region=us-east-1", "aws.attempts=1"] {
        command.args(["--set", pair]);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.args(["--set", &format!("s3.endpoint={endpoint}")]);
    command.env("AWS_CONFIG_FILE", files.join("config"));
    command.env("AWS_SHARED_CREDENTIALS_FILE", files.join("credentials"));
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", files);
    command
}

fn keys(of: &str) -> String {
    format!("[default]\naws_access_key_id = {of}\naws_secret_access_key = secret\naws_session_token = token\n")
}

#[test]
fn expired_credentials_stop_the_intake_with_a_reason_until_another_tool_writes_new_ones() {
    let (root, server) = (Root::new(), StandIn::start(answer));
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("credentials"), keys("OLD")).unwrap();
    let command = root.command(&["run", "--metrics", "127.0.0.1:0"]);
    let engine = Running::start(on_s3(command, &server.endpoint, files.path()));
    let address = engine.word_after("page http://");
    let ready = || crate::process::page(address.trim_end_matches('/'), "/readyz");
    engine.wait_until("not ready, with the reason", || {
        let (status, reason) = ready();
        status == 503 && reason.contains("ExpiredToken")
    });
    // As the tools do it: a new file takes the old one's place.
    std::fs::write(files.path().join("new"), keys(KNOWN)).unwrap();
    std::fs::rename(files.path().join("new"), files.path().join("credentials")).unwrap();
    engine.wait_until("ready again", || ready().0 == 200);
    engine.drained();
}

#[test]
fn a_credential_process_is_started() {
    let server = StandIn::start(answer);
    let files = tempfile::tempdir().unwrap();
    let answer = format!(r#"{{"Version":1,"AccessKeyId":"{KNOWN}","SecretAccessKey":"s","SessionToken":"t"}}"#);
    std::fs::write(files.path().join("answer"), answer).unwrap();
    let profile = format!("[profile made]\ncredential_process = cat {}\n", files.path().join("answer").display());
    std::fs::write(files.path().join("config"), profile).unwrap();
    let root = Root::new();
    let mut command = on_s3(root.command(&["gaps"]), &server.endpoint, files.path());
    command.args(["--set", "aws.profile=made"]);
    let ended = Running::start(command).ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(server.requests().iter().any(|request| request.action() == "s3:ListBucket"), "{}", ended.stderr);
}

#[test]
fn a_profile_of_single_sign_on_asks_its_portal_through_the_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = asked.clone();
    std::thread::spawn(move || {
        for stream in proxy.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            seen.lock().unwrap().push(line);
            let _ = (&stream).write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let server = StandIn::start(answer);
    let files = tempfile::tempdir().unwrap();
    let profile = "[profile work]\nsso_session = firm\nsso_account_id = 123456789012\nsso_role_name = reader\n\
                   [sso-session firm]\nsso_region = eu-central-1\nsso_start_url = https://firm.awsapps.com/start\n";
    std::fs::write(files.path().join("config"), profile).unwrap();
    let cache = files.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    // The file is named after the SHA-1 of the session's name.
    let token = r#"{"accessToken":"t","expiresAt":"2999-01-01T00:00:00Z","region":"eu-central-1"}"#;
    std::fs::write(cache.join(sha1_of_firm()), token).unwrap();
    let root = Root::new();
    let mut command = on_s3(root.command(&["gaps"]), &server.endpoint, files.path());
    command.args(["--set", "aws.profile=work"]);
    command.env("HTTPS_PROXY", format!("http://{address}")).env("NO_PROXY", "127.0.0.1");
    let ended = Running::start(command).ended();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let asked = asked.lock().unwrap();
    let connects = |line: &String| line.starts_with("CONNECT portal.sso.eu-central-1.amazonaws.com:443 ");
    assert!(asked.iter().any(connects), "{asked:?} {}", ended.stderr);
}

/// `printf firm | sha1sum`
fn sha1_of_firm() -> &'static str {
    "d340949e974e2927a82574196497892f16292449.json"
}

#[test]
fn a_profile_of_aws_login_says_to_log_in_and_a_missing_bundle_is_named() {
    let server = StandIn::start(answer);
    let files = tempfile::tempdir().unwrap();
    let profile = "[default]\nlogin_session = arn:aws:iam::123456789012:user/me\nregion = us-east-1\n";
    std::fs::write(files.path().join("config"), profile).unwrap();
    let root = Root::new();
    let told = |bundle: &str| {
        let mut command = on_s3(root.command(&["gaps"]), &server.endpoint, files.path());
        if !bundle.is_empty() {
            command.env("AWS_CA_BUNDLE", bundle);
        }
        let ended = Running::start(command).ended();
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        ended.stderr
    };
    let said = told("");
    assert!(said.contains("aws login") && !said.contains("feature"), "{said}");
    let said = told("/nowhere/bundle.pem");
    assert!(said.contains("/nowhere/bundle.pem") && said.contains("AWS_CA_BUNDLE"), "{said}");
    std::fs::write(files.path().join("config"), format!("{profile}ca_bundle = /nowhere/of-profile.pem\n")).unwrap();
    let said = told("");
    assert!(said.contains("`ca_bundle`, `/nowhere/of-profile.pem`"), "{said}");
    let said = told("/nowhere/bundle.pem");
    assert!(said.contains("AWS_CA_BUNDLE") && !said.contains("of-profile"), "{said}");
}
