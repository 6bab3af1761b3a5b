//! The stacks of `config/aws`: the first and the third deployed on ministack, and what they made used. ministack has no
//! Redshift Serverless, carries out no lifecycle rules, and launches no instance.

use std::path::{Path, PathBuf};
use std::process::Command;

use scanmill::domain::notification::{KeyEncoding, Notification, parse};
use serde_json::{Value, json};

use crate::rig::{self, Aws, Message, Ministack, Venv};

/// Amazon's command line, as far as it is used here.
const AWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws/aws_cli.py");

/// Deploys a template; its outputs.
fn deploy(stack: &str, template: &str, parameters: &Value) -> Value {
    let template = templates().join(template).display().to_string();
    let given = parameters.as_object().unwrap().iter();
    let given: Vec<String> = given.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let mut arguments = vec![AWS, "cloudformation", "deploy", "--stack-name", stack, "--template-file", &template];
    arguments.extend(["--capabilities", "CAPABILITY_IAM", "--parameter-overrides"]);
    arguments.extend(given.iter().map(String::as_str));
    python(&arguments);
    let script = "import json, sys, boto3\n\
        made = boto3.client('cloudformation').describe_stacks(StackName=sys.argv[1])['Stacks'][0]\n\
        print(json.dumps({one['OutputKey']: one['OutputValue'] for one in made['Outputs']}))";
    serde_json::from_str(&python(&["-c", script, stack])).unwrap()
}

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws")
}

fn python(arguments: &[&str]) -> String {
    run("python", arguments)
}

/// Runs a program of the venv and expects that to go well; what it printed.
fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(Venv::ready().unwrap().program(program));
    command.args(arguments).envs(rig::ENVIRONMENT.iter().copied()).env("AWS_DEFAULT_REGION", rig::REGION);
    command.env("AWS_ENDPOINT_URL", Ministack::shared().server.endpoint());
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program}: {}{}", said(&output.stdout), said(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All messages of a queue, until a second brings no more.
fn received(aws: &Aws, url: &str) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        let some = aws.receive(url, 1).unwrap();
        if some.is_empty() {
            return all;
        }
        some.iter().for_each(|message| aws.delete_message(url, message).unwrap());
        all.extend(some);
    }
}

#[test]
fn the_stacks_deploy_and_a_photo_is_announced() {
    let aws = Ministack::shared().aws();
    let (landing, results) = (rig::unique("landing"), rig::unique("results"));
    let made = deploy(
        &rig::unique("pipeline"),
        "pipeline.yaml",
        &json!({ "LandingBucketName": landing, "ResultsBucketName": results, "KeyPrefix": "in/",
                 "QueueName": rig::unique("photos") }),
    );
    let text = |key: &str| made[key].as_str().unwrap().to_owned();

    // Only what the prefix lets through is announced.
    aws.put_object(&landing, "out/b.jpg", b"-").unwrap();
    aws.put_object(&landing, "in/a b.jpg", b"-").unwrap();
    let mut announced = Vec::new();
    for message in received(&aws, &text("QueueUrl")) {
        let body: Value = serde_json::from_str(&message.body).unwrap();
        announced.extend(body["Records"].as_array().into_iter().flatten().map(|r| r["s3"]["object"]["key"].clone()));
    }
    assert_eq!(announced, [json!("in/a+b.jpg")]);

    let redrive: Value =
        serde_json::from_str(&aws.queue_attribute(&text("QueueUrl"), "RedrivePolicy").unwrap()).unwrap();
    assert_eq!(redrive["deadLetterTargetArn"], made["DeadLetterQueueArn"]);
    assert_eq!(redrive["maxReceiveCount"].to_string().trim_matches('"'), "25");

    let mut parameters = json!({
        "LandingBucketName": landing, "ResultsBucketName": results, "WorkgroupName": "scanmill",
        "WorkgroupArn": "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/scanmill",
        "ArtifactUrl": "s3://artifacts/scanmill.tar.gz", "ArtifactSha256": "0".repeat(64), "ArtifactBucketName": "artifacts",
        "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1",
    });
    for key in ["QueueUrl", "QueueArn", "QueueName", "DeadLetterQueueArn", "DeadLetterQueueName", "CopyRoleArn"] {
        parameters[key] = made[key].clone();
    }
    let engine = deploy(&rig::unique("engine"), "engine.yaml", &parameters);
    assert!(engine["DatabaseUser"].as_str().unwrap().starts_with("IAMR:"), "{engine}");
}

/// What the instances run at their start, with the names that the stack puts values for.
pub fn user_data() -> String {
    let template = std::fs::read_to_string(templates().join("engine.yaml")).unwrap();
    let (_, text) = template.split_once("Fn::Base64: !Sub |\n").unwrap();
    let (text, _) = text.split_once("\n  Group:\n").unwrap();
    let text: Vec<&str> = text.lines().map(|line| line.strip_prefix("            ").unwrap_or_default()).collect();
    text.join("\n")
}

/// The configuration that the instances get is one that scanmill takes.
#[test]
fn the_instances_configuration_is_right() {
    let text = user_data();
    let (_, text) = text.split_once("<<'CONFIG'\n").unwrap();
    let mut text = text.split_once("CONFIG\n").unwrap().0.to_owned();
    for (name, value) in [
        ("LandingBucketName", "landing"),
        ("ResultsBucketName", "results"),
        ("KeyPrefix", "in/"),
        ("AWS::Region", rig::REGION),
        ("QueueUrl", "https://sqs.us-east-1.amazonaws.com/123456789012/photos"),
        ("WorkgroupName", "scanmill"),
        ("DatabaseName", "scanmill"),
        ("CopyRoleArn", "arn:aws:iam::123456789012:role/copy"),
        ("LoadIntervalMs", "300000"),
    ] {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    assert!(!text.contains("${"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scanmill.toml");
    std::fs::write(&file, &text).unwrap();
    use scanmill::config::{Sources, load};
    let loaded = load(&Sources { file: Some(&file), ..Sources::default() }).unwrap_or_else(|p| panic!("{p:?}\n{text}"));
    assert_eq!(loaded.settings.store.inbox, "landing");
}

/// Amazon's own client wires bucket and queue, and uploads under names that are awkward in events.
#[test]
fn what_amazons_client_uploads_is_announced_under_its_own_name() {
    const KEYS: [&str; 3] = ["in/a b+c.jpg", "in/50% & #1.jpg", "in/größe 📷.jpg"];
    let aws = Ministack::shared().aws();
    let (bucket, queue) = (rig::unique("wired"), rig::unique("wired"));
    let script = r#"
import json, sys
import boto3
endpoint, bucket, queue, keys = sys.argv[1:]
s3, sqs = boto3.client("s3", endpoint_url=endpoint), boto3.client("sqs", endpoint_url=endpoint)
s3.create_bucket(Bucket=bucket)
url = sqs.create_queue(QueueName=queue)["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
wired = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wired]})
for key in json.loads(keys) + ["in/no-photo.txt"]:
    s3.put_object(Bucket=bucket, Key=key, Body=b"-")
print(url)
"#;
    let endpoint = Ministack::shared().server.endpoint();
    let url = python(&["-c", script, endpoint, &bucket, &queue, &json!(KEYS).to_string()]);
    let mut announced = Vec::new();
    for message in received(&aws, url.trim()) {
        if let Notification::Photos { photos, .. } = parse(&message.body, KeyEncoding::Form).unwrap() {
            announced.extend(photos.into_iter().map(|photo| photo.key));
        }
    }
    announced.sort();
    let mut expected = KEYS.map(str::to_owned);
    expected.sort();
    assert_eq!(announced, expected);
}
