//! The servers of the rig, each with what it is asked for.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::server::{Plan, Server};
use super::{Aws, Outcome, REGION, http};

/// S3, SQS, SNS, EventBridge, IAM, STS and CloudFormation by ministack.
#[derive(Debug)]
pub struct Ministack {
    pub server: Server,
}

/// S3 and SQS by moto: a second opinion.
#[derive(Debug)]
pub struct Moto {
    pub server: Server,
}

/// A proxy that injects faults in AWS's own shapes.
#[derive(Debug)]
pub struct Microburst {
    pub server: Server,
}

impl Ministack {
    /// One of one's own, to inject faults into or to look at alone.
    pub fn start() -> Outcome<Ministack> {
        let server = Server::start(&Plan {
            name: "ministack",
            program: "ministack",
            arguments: &[],
            environment: &[
                ("BIND_HOST", "127.0.0.1"),
                ("MINISTACK_HOST", "127.0.0.1"),
                ("GATEWAY_PORT", "{port}"),
                ("MINISTACK_REGION", REGION),
                ("SERVICES", "s3,sqs,sns,events,sts,iam,cloudformation,ssm,ec2,autoscaling,cloudwatch,monitoring"),
                // These would listen on fixed ports, on all interfaces.
                ("IOT_MTLS_ENABLED", "false"),
                ("SFTP_ENABLED", "0"),
                ("TMPDIR", "{folder}"),
                ("S3_DATA_DIR", "{folder}"),
            ],
            ready: "/_ministack/health",
        })?;
        Ok(Ministack { server })
    }

    /// The one all tests of this process share: use names of your own ([`super::unique`]).
    pub fn shared() -> &'static Ministack {
        static SHARED: OnceLock<Ministack> = OnceLock::new();
        SHARED.get_or_init(|| Ministack::start().unwrap())
    }

    /// Its S3 and SQS.
    pub fn aws(&self) -> Aws {
        Aws::new(self.server.endpoint())
    }
}

impl Moto {
    /// One of one's own.
    pub fn start() -> Outcome<Moto> {
        let server = Server::start(&Plan {
            name: "moto",
            program: "moto_server",
            arguments: &["-H", "127.0.0.1", "-p", "{port}"],
            environment: &[("TMPDIR", "{folder}"), ("AWS_DEFAULT_REGION", REGION)],
            ready: "/moto-api/data.json",
        })?;
        Ok(Moto { server })
    }

    /// The one all tests of this process share: use names of your own ([`super::unique`]).
    pub fn shared() -> &'static Moto {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(|| Moto::start().unwrap())
    }

    /// Its S3 and SQS.
    pub fn aws(&self) -> Aws {
        Aws::new(self.server.endpoint())
    }
}

impl Microburst {
    /// A proxy before `upstream` (`http://127.0.0.1:PORT`), without faults at first.
    pub fn start(upstream: &str) -> Outcome<Microburst> {
        let server = Server::start(&Plan {
            name: "microburst",
            program: "microburst",
            arguments: &["--upstream", upstream, "--host", "127.0.0.1", "--port", "{port}", "--no-resign"],
            environment: &[],
            ready: "/_microburst/health",
        })?;
        Ok(Microburst { server })
    }

    /// Sets the rules, in place of those before: a JSON list, as microburst's README has them. `[]` ends all faults.
    pub fn rules(&self, rules: &Value) -> Outcome<()> {
        let headers = [("Content-Type", "application/json")];
        let body = rules.to_string();
        http::request("POST", self.server.endpoint(), "/_microburst/rules", &headers, body.as_bytes())?.success()?;
        Ok(())
    }

    /// Ends all faults.
    pub fn heal(&self) -> Outcome<()> {
        self.rules(&json!([]))
    }

    /// What has been injected so far, oldest first.
    pub fn fired(&self) -> Outcome<Vec<Value>> {
        let path = "/_microburst/fired?limit=100000";
        let answer = http::request("GET", self.server.endpoint(), path, &[], b"")?.success()?.json()?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }

    /// S3 and SQS behind the proxy.
    pub fn aws(&self) -> Aws {
        Aws::new(self.server.endpoint())
    }
}
