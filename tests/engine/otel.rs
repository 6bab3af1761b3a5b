//! Traces of photos, as a collector gets them from the real binary.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use image::ImageFormat;
use serde_json::Value;

use crate::process::{Root, Running, photo};

const PHOTOS: usize = 100;

/// A collector that answers every request with one status.
struct Collector {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

struct Request {
    head: String,
    body: Vec<u8>,
}

impl Collector {
    fn start(status: u16) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, status, &seen);
            }
        });
        Collector { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn json(&self) -> Vec<Value> {
        self.requests.lock().unwrap().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Value> {
        let spans = |sent: &Value| sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
        self.json().iter().flat_map(spans).collect()
    }
}

fn answer(mut stream: TcpStream, status: u16, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap_or("0");
    let mut body = vec![0; length.trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    // Before the answer: whoever saw the engine end sees every request.
    seen.lock().unwrap().push(Request { head, body });
    let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
}

fn inbox_of_photos() -> Root {
    let root = Root::new();
    for number in 0..PHOTOS {
        let mut png = Cursor::new(Vec::new());
        photo::picture(&format!("https://example.com/{number}")).write_to(&mut png, ImageFormat::Png).unwrap();
        root.drop_photo(&format!("{number:03}.png"), png.get_ref());
    }
    root
}

/// Runs the engine until nothing is left, with these variables beside the arguments.
fn run(root: &Root, arguments: &[&str], variables: &[(&str, &str)]) -> crate::process::Ended {
    let mut command = root.command(&[&["run", "--until-empty"], arguments].concat());
    command.env_remove("HTTP_PROXY").env_remove("http_proxy");
    command.envs(variables.iter().copied());
    let ended = Running::start(command).ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(root.scans().len(), PHOTOS);
    ended
}

fn attribute<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    let attributes = of["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == name)?;
    found["value"].as_object().unwrap().values().next().unwrap().as_str()
}

fn text<'a>(span: &'a Value, field: &str) -> &'a str {
    span[field].as_str().unwrap_or_else(|| panic!("no {field}: {span}"))
}

fn time(span: &Value, field: &str) -> u128 {
    text(span, field).parse().unwrap()
}

#[test]
fn each_photo_is_one_trace_from_receive_to_load() {
    let (root, collector) = (inbox_of_photos(), Collector::start(200));
    let endpoint = format!("otel.endpoint=\"{}/base\"", collector.url());
    let variables = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret%20one"),
        ("OTEL_SERVICE_NAME", "mill"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ];
    let endpoint = endpoint.replace('"', "");
    let ended = run(&root, &["--set", &endpoint, "--set", "otel.sample=1"], &variables);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    for request in collector.requests.lock().unwrap().iter() {
        let head = request.head.to_lowercase();
        assert!(head.starts_with("post /base/v1/traces "), "{head}");
        assert!(head.contains("x-key: secret one") && head.contains("content-type: application/json"), "{head}");
        assert!(!String::from_utf8_lossy(&request.body).contains("example.com"), "a payload left the engine");
    }
    for sent in collector.json() {
        let resource = &sent["resourceSpans"][0]["resource"];
        assert_eq!(attribute(resource, "service.name"), Some("mill"));
        assert_eq!(attribute(resource, "deployment.environment.name"), Some("test"));
        assert!(attribute(resource, "service.instance.id").is_some());
    }
    let spans = collector.spans();
    let mut traces: HashMap<&str, Vec<&Value>> = HashMap::new();
    for span in &spans {
        let (trace_id, span_id) = (text(span, "traceId"), text(span, "spanId"));
        assert!(trace_id.len() == 32 && span_id.len() == 16, "{span}");
        traces.entry(trace_id).or_default().push(span);
    }
    let mut ids: Vec<&str> = spans.iter().map(|span| text(span, "spanId")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "ids are not unique");
    assert_eq!(traces.len(), PHOTOS);
    let mut keys: Vec<&str> = Vec::new();
    for trace in traces.values() {
        let (roots, children): (Vec<&Value>, Vec<&Value>) = trace.iter().partition(|span| span["name"] == "photo");
        let [root] = roots[..] else { panic!("not one root: {trace:?}") };
        assert!(root.get("parentSpanId").is_none() && root.get("status").is_none(), "{root}");
        assert_eq!(attribute(root, "scanmill.outcome"), Some("scanned"));
        assert_eq!(attribute(root, "aws.s3.bucket"), Some("inbox"));
        assert!(attribute(root, "scanmill.size_bytes").is_some());
        keys.push(attribute(root, "aws.s3.key").unwrap());
        let (began, ended) = (time(root, "startTimeUnixNano"), time(root, "endTimeUnixNano"));
        let mut by_name = HashMap::new();
        for child in children {
            assert_eq!(text(child, "parentSpanId"), text(root, "spanId"));
            let (from, to) = (time(child, "startTimeUnixNano"), time(child, "endTimeUnixNano"));
            assert!(began <= from && from <= to && to <= ended, "{child} in {root}");
            assert!(by_name.insert(text(child, "name"), (from, to)).is_none(), "twice: {child}");
        }
        let way = ["receive", "queue_wait", "fetch", "decode_wait", "decode", "batch_wait", "seal", "load"];
        for pair in way.windows(2) {
            assert!(by_name[pair[0]].1 <= by_name[pair[1]].0, "{} is not before {}", pair[0], pair[1]);
        }
        assert!(by_name["seal"].1 <= by_name["acknowledge"].0);
        assert_eq!(by_name.len(), way.len() + 1, "{by_name:?}");
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), PHOTOS);
}

#[test]
fn nothing_is_sent_where_nobody_asks_for_it() {
    let (root, collector) = (inbox_of_photos(), Collector::start(200));
    let url = collector.url();
    run(&root, &["--set", "otel.sample=0"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    assert_eq!(collector.requests.lock().unwrap().len(), 0);
    // The variables alone are enough, and one of them switches all off.
    for (variable, is_sent) in [(("OTEL_SDK_DISABLED", "true"), false), (("OTEL_TRACES_SAMPLER", "always_on"), true)] {
        let root = inbox_of_photos();
        run(&root, &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), variable]);
        assert_eq!(!collector.requests.lock().unwrap().is_empty(), is_sent, "{variable:?}");
    }
}

#[test]
fn a_collector_that_is_down_or_refuses_costs_no_photo() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let down = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let overloaded = Collector::start(503);
    let refuses = Collector::start(401);
    for url in [down, overloaded.url(), refuses.url()] {
        let root = inbox_of_photos();
        let ended = run(&root, &["--set", &format!("otel.endpoint={url}"), "--set", "otel.sample=1"], &[]);
        let told = ended.stderr.matches("collector does not take traces").count();
        assert_eq!(told, 1, "{}", ended.stderr);
    }
    assert!(!overloaded.requests.lock().unwrap().is_empty() && !refuses.requests.lock().unwrap().is_empty());
}
