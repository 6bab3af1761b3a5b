//! The console answers what it promises, ends when told, and no client can hold it up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::process::Root;
use scanmill::console::{ConsoleState, Kept, serve};
use scanmill::error::Class;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.expect("asks");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("the connection is closed after one answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

struct Fake {
    ready: Arc<AtomicBool>,
    photos: Arc<AtomicU64>,
}

fn fake() -> (Fake, ConsoleState) {
    let fake = Fake { ready: Arc::new(AtomicBool::new(false)), photos: Arc::new(AtomicU64::new(3)) };
    let (ready, photos) = (Arc::clone(&fake.ready), Arc::clone(&fake.photos));
    let state = ConsoleState {
        metrics: Arc::new(|| "scanmill_photos_total 3\n".into()),
        ready: Arc::new(move || if ready.load(Ordering::Relaxed) { Ok(()) } else { Err("draining".into()) }),
        health: Arc::new(|| Ok(())),
        state: Arc::new(move || json!({ "totals": { "photos": photos.load(Ordering::Relaxed) } })),
        history: Arc::new(|| json!({ "points": [] })),
        scans: Arc::new(|| Box::pin(async { Kept::of(&json!({ "latest": [{ "payload": "<b>bold</b>" }] })) })),
        rejected: Arc::new(|| Kept::of(&json!({ "rejections": [] }))),
        picture: Arc::new(|id| (id == 7).then(|| bytes::Bytes::from_static(b"\xff\xd8picture"))),
        hosts: Arc::from(["engine.internal".to_owned()]),
    };
    (fake, state)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn every_path_answers_what_is_true_now() {
    let (fake, state) = fake();
    let (address, _task) = serve(loopback(), state, CancellationToken::new()).await.expect("serves");
    assert_ne!(address.port(), 0);

    let metrics = get(address, "/metrics").await;
    assert_eq!((metrics.status, metrics.body.as_str()), (200, "scanmill_photos_total 3\n"));
    assert!(metrics.head.contains("text/plain; version=0.0.4"), "{}", metrics.head);

    assert_eq!(get(address, "/healthz").await.status, 200);
    let not_yet = get(address, "/readyz").await;
    assert_eq!((not_yet.status, not_yet.body.as_str()), (503, "draining\n"));
    fake.ready.store(true, Ordering::Relaxed);
    assert_eq!(get(address, "/readyz").await.status, 200);

    for photos in [3, 4] {
        fake.photos.store(photos, Ordering::Relaxed);
        let state: Value = serde_json::from_str(&get(address, "/state").await.body).expect("JSON");
        assert_eq!(state["totals"]["photos"], photos);
    }
    assert_eq!(get(address, "/nothing").await.status, 404);
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    for path in ["/", "/scans", "/rejections"] {
        let page = get(address, path).await;
        assert_eq!(page.status, 200);
        assert!(page.head.contains("text/html; charset=utf-8"), "{}", page.head);
        assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
        for foreign in ["http://", "https://", "src=", "@import", "url(", "innerHTML"] {
            assert!(!page.body.contains(foreign), "{path}: {foreign}");
        }
        assert!(page.body.trim_end().ends_with("</html>"));
        assert!(page.body.contains("color-scheme: dark") && page.body.contains("async function json("), "{path}");
        assert!(!page.body.contains("{{"), "{path}: a part that is not filled in");
        // What it asks for is there.
        for asked in page.body.split("json(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let answer = get(address, asked).await;
            assert_eq!(answer.status, 200, "{asked}");
            assert!(serde_json::from_str::<Value>(&answer.body).is_ok(), "{asked}");
        }
    }
}

#[tokio::test]
async fn who_has_what_there_is_is_told_so_in_a_few_bytes() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    for path in ["/scans.json", "/rejections.json"] {
        let whole = get(address, path).await;
        let tag = whole.head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").trim().to_owned();
        let again = |tag: &str| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nIf-None-Match: {tag}\r\n\r\n");
        let same = String::from_utf8(told(address, again(&tag).as_bytes()).await).expect("text");
        assert!(same.starts_with("HTTP/1.1 304") && same.ends_with("\r\n\r\n"), "{path}: {same}");
        let other = String::from_utf8(told(address, again("\"other\"").as_bytes()).await).expect("text");
        assert!(other.starts_with("HTTP/1.1 200") && other.ends_with(&whole.body), "{path}: {other}");
    }
}

/// What is wrong in a path of moves and lines; a browser draws nothing behind the first mistake.
fn mistake(path: &str) -> Option<&str> {
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let numbers = |text: &str| {
        let words: Vec<String> = text.replace('-', " -").split_whitespace().map(str::to_owned).collect();
        words.iter().all(|word| is_number(word)).then_some(words.len())
    };
    path.split('M').skip(1).find(|part| {
        let Some((start, lines)) = part.trim_end_matches('z').split_once('l') else { return true };
        numbers(start) != Some(2) || !numbers(lines).is_some_and(|count| count >= 2 && count % 2 == 0)
    })
}

#[tokio::test]
async fn the_outlines_of_the_map_are_drawn_to_their_end() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    let outlines: Value = serde_json::from_str(&get(address, "/outlines.json").await.body).expect("JSON");
    for name in ["land", "borders"] {
        let path = outlines[name].as_str().expect("a path");
        assert!(path.len() > 1_000 && path.starts_with('M'), "{name}");
        assert_eq!(mistake(path), None, "{name}");
    }
    assert_eq!(mistake("M1 2l3-4M5 6lM7 8l9 9z"), Some("5 6l"));
}

/// The rows of a real engine: what the map, the lists and the charts of `/scans` are drawn from.
#[test]
fn the_newest_scans_are_what_the_warehouse_holds() {
    let root = Root::new();
    let somewhere = crate::process::photo::position(48.8584, 2.2945);
    root.drop_photo("a.jpg", &crate::process::photo::jpeg_with("https://shop.example/p/one-1", somewhere));
    let taken = |at| vec![crate::process::photo::ascii(exif::Tag::DateTimeOriginal, at)];
    root.drop_photo(
        "d.jpg",
        &crate::process::photo::jpeg_with("https://shop.example/p/one-1", taken("2020:03:02 10:00:00")),
    );
    root.drop_photo(
        "e.jpg",
        &crate::process::photo::jpeg_with("https://shop.example/p/one-1", taken("2000:01:01 00:00:12")),
    );
    root.drop_photo("b.jpg", &crate::process::photo::jpeg("<img src=x onerror=alert(1)>"));
    root.drop_photo("c.jpg", &crate::process::photo::blank());
    let engine = root.start(&["--set", "metrics.listen=127.0.0.1:0"]);
    let address = engine.word_after("http://");
    let address = address.trim_end_matches('/').to_owned();
    let answer = || serde_json::from_str::<Value>(&crate::process::page(&address, "/scans.json").1).expect("JSON");
    // An answer is kept for a few seconds.
    engine.wait_until("all are on the page", || {
        let answer = answer();
        answer["totals"][0]["scans"] == 4 && answer["rejected"].as_array().is_some_and(|rows| !rows.is_empty())
    });
    let answer = answer();
    assert_eq!(answer["places"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(answer["places"][0]["scans"], 1);
    assert_eq!(answer["places"][0]["latitude"], 48.86, "to about a kilometre, in a cell of one scan too");
    let dated = json!([{"local_date": "2020-03-02", "scans": 1}]);
    assert_eq!((&answer["days"], &answer["totals"][0]["with_date"]), (&dated, &json!(2)), "a wrong clock is no chart");
    assert_eq!(answer["products"][0]["product_id"], "one-1");
    assert_eq!(answer["products"][0]["h3_cells"], 1);
    let payloads: Vec<&str> =
        answer["latest"].as_array().expect("rows").iter().filter_map(|row| row["payload"].as_str()).collect();
    assert!(payloads.contains(&"<img src=x onerror=alert(1)>"), "{payloads:?}");
    assert_eq!(
        (&answer["rejected"][0]["reason"], &answer["rejected"][0]["object_key"]),
        (&"no_code".into(), &"c.jpg".into())
    );
    assert_eq!(engine.drained().code, Some(0));
}

/// Whoever opens the page later sees what was before.
#[test]
fn the_engine_keeps_what_the_page_draws() {
    let root = Root::new();
    let engine = root.start(&["--set", "metrics.listen=127.0.0.1:0"]);
    let address = engine.word_after("http://").trim_end_matches('/').to_owned();
    let points = || {
        let answer: Value = serde_json::from_str(&crate::process::page(&address, "/history").1).expect("JSON");
        answer["points"].as_array().cloned().unwrap_or_default()
    };
    let has = |point: &Value, field: &str| point[field].as_f64().is_some_and(|figure| figure > 0.0);
    engine.wait_until("the queue is seen empty", || points().iter().any(|point| point["waiting"] == 0));
    root.drop_photo("a.jpg", &crate::process::photo::jpeg("https://shop.example/p/1"));
    engine.wait_until("the photo is told of", || {
        points().iter().any(|point| has(point, "photos_per_second") && has(point, "p50_ms") && has(point, "p99_ms"))
    });
    assert_eq!(engine.drained().code, Some(0));
}

#[tokio::test]
async fn a_port_in_use_names_the_address_and_the_way_out() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    let error = serve(address, fake().1, CancellationToken::new()).await.expect_err("the port is taken");
    assert_eq!(error.class(), Class::Permanent);
    let report = error.report();
    assert!(report.contains(&address.to_string()) && report.contains("--metrics 127.0.0.1:0"), "{report}");
}

#[tokio::test]
async fn it_ends_when_told_even_with_a_client_that_says_nothing() {
    let stop = CancellationToken::new();
    let (address, task) = serve(loopback(), fake().1, stop.clone()).await.expect("serves");
    let mut silent = TcpStream::connect(address).await.expect("connects");
    silent.write_all(b"GET /state HTTP/1.1\r\n").await.expect("half a question");
    assert_eq!(get(address, "/healthz").await.status, 200);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), task).await.expect("ends").expect("without a panic");
    assert!(TcpStream::connect(address).await.is_err(), "the port is free again");
}

#[tokio::test]
async fn a_state_that_panics_costs_one_answer() {
    let mut state = fake().1;
    state.state = Arc::new(|| panic!("a state with a mistake"));
    let (address, _task) = serve(loopback(), state, CancellationToken::new()).await.expect("serves");
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("asks");
    let mut nothing = Vec::new();
    let _ = stream.read_to_end(&mut nothing).await;
    assert_eq!(get(address, "/healthz").await.status, 200);
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_delay_a_probe_of_health() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(address).await.expect("connects"));
    }
    assert_eq!(get(address, "/healthz").await.status, 200);
    // Answered before the silent ones' time was over: all but the oldest are still waited for.
    let waited_for = silent.iter().filter(|stream| stream.try_read(&mut [0; 1]).is_err()).count();
    assert!(waited_for >= 62, "{waited_for}");
}

/// What comes back for these bytes.
async fn told(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(bytes).await.expect("says it");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_on_every_path() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    for path in ["/", "/state", "/metrics", "/healthz", "/readyz", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example:{}\r\n\r\n", address.port());
        let answer = String::from_utf8(told(address, request.as_bytes()).await).expect("text");
        assert!(answer.starts_with("HTTP/1.1 421") && answer.contains("metrics.hosts"), "{path}: {answer}");
    }
    let known = told(address, b"GET /healthz HTTP/1.1\r\nHost: engine.internal\r\n\r\n").await;
    assert!(known.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&known));
}

#[tokio::test]
async fn http_2_is_not_spoken_and_a_connection_is_one_request() {
    let (address, _task) = serve(loopback(), fake().1, CancellationToken::new()).await.expect("serves");
    let answer = told(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    let twice = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    let answer = String::from_utf8(told(address, twice.as_bytes()).await).expect("text");
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

/// Places in flight that are kept for messages still being asked for hold nobody up.
#[test]
fn an_engine_at_rest_is_held_up_by_nothing() {
    let root = Root::new();
    let running = root.start(&["--set", "metrics.listen=127.0.0.1:0"]);
    let address = running.word_after("http://").trim_end_matches('/').to_owned();
    let stage = || {
        let (status, body) = crate::process::page(&address, "/state");
        assert_eq!(status, 200);
        let state: Value = serde_json::from_str(&body).unwrap();
        state["bottleneck"]["stage"].as_str().map(str::to_owned)
    };
    running.wait_until("something is named", || stage().is_some());
    let state: Value = serde_json::from_str(&crate::process::page(&address, "/state").1).unwrap();
    // The order and the places that pages draw are told with it, for all that there is.
    for part in ["actors", "stages"] {
        let told: Vec<&str> = state["order"][part].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let all: Vec<&String> = state[part].as_object().unwrap().keys().collect();
        assert!(all.iter().all(|name| told.contains(&name.as_str())), "{part}: {all:?} and {told:?}");
    }
    let places: Vec<&str> =
        state["pipeline"].as_array().unwrap().iter().filter_map(|place| place["name"].as_str()).collect();
    assert_eq!(places, ["queue", "fetch", "decode", "batch", "delete", "load", "warehouse"]);
    for place in state["pipeline"].as_array().unwrap() {
        assert!(place["work"].is_object() || place["held"].is_object(), "figures that stand nowhere: {place}");
    }
    // Long enough for what was named first to be looked at again.
    for _ in 0..20 {
        assert_eq!(stage().as_deref(), Some("queue_empty"));
        std::thread::sleep(Duration::from_millis(100));
    }
    running.drained();
}

/// A photo that gave no code is shown with its picture and the command that sends it through again, whatever its name.
#[test]
fn a_rejection_is_shown_with_its_picture_and_a_command_that_works() {
    let root = Root::new();
    let hostile = "it's $(touch x) <img src=x onerror=alert(1)>\t\"\u{1b}[2J.jpg";
    root.drop_photo(hostile, &crate::process::photo::blank());
    root.drop_photo("no-photo.jpg", b"not a photo");
    root.drop_photo("read.jpg", &crate::process::photo::jpeg("https://shop.example/p/1"));
    let config = root.file("it's here.toml");
    std::fs::write(&config, "").expect("a configuration");
    let config = config.to_str().expect("a path");
    let engine = root.start(&["--config", config, "--set", "metrics.listen=127.0.0.1:0"]);
    let address = engine.word_after("http://").trim_end_matches('/').to_owned();
    let listed = || {
        let answer: Value = serde_json::from_str(&crate::process::page(&address, "/rejections.json").1).expect("JSON");
        answer["rejections"].as_array().cloned().unwrap_or_default()
    };
    engine.wait_until("both are listed", || listed().len() == 2);
    engine.wait_until("all are in the warehouse", || root.rejections().len() == 2 && root.scans().len() == 1);
    let listed = listed();
    let of = |key: &str| listed.iter().find(|entry| entry["object_key"] == key).unwrap_or_else(|| panic!("{listed:?}"));
    assert_eq!(
        (&of("no-photo.jpg")["reason"], &of("no-photo.jpg")["has_picture"]),
        (&"unsupported".into(), &false.into())
    );
    let blank = of(hostile);
    assert_eq!((&blank["reason"], &blank["has_picture"]), (&"no_code".into(), &true.into()));
    let (head, picture) = crate::process::bytes(&address, &format!("/pictures/{}", blank["id"]));
    assert!(head.contains("200 OK") && head.to_ascii_lowercase().contains("content-type: image/jpeg"), "{head}");
    let size =
        image::ImageReader::with_format(std::io::Cursor::new(picture), image::ImageFormat::Jpeg).into_dimensions();
    assert!(matches!(size, Ok((1..=256, 1..=256))), "{size:?}");
    assert_eq!(crate::process::page(&address, "/pictures/4711").0, 404);
    // As pasted.
    let command = blank["replay"].as_str().expect("text");
    assert!(!command.chars().any(char::is_control), "{command:?}");
    assert!(command.contains(" --config=") && command.contains(" --root="), "{command}");
    let arguments = command.strip_prefix("scanmill ").expect("the program");
    let pasted = format!("'{}' {arguments} --dry-run", env!("CARGO_BIN_EXE_scanmill"));
    let output = std::process::Command::new("bash").args(["-c", &pasted]).current_dir(root.path()).output();
    let output = output.expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains('1') && std::fs::symlink_metadata(root.file("x")).is_err(),
        "{said}"
    );
    assert_eq!(engine.drained().code, Some(0));
}
