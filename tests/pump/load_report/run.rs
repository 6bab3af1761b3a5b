//! The real binary: an engine, a pump that writes its report, and the report shown again.

use scanmill::pump::load_report::LoadReport;
use serde_json::Value;

use crate::process::{Root, Running};

fn read(root: &Root, name: &str) -> String {
    std::fs::read_to_string(root.path().join("run").join(name)).unwrap()
}

#[test]
fn a_pump_beside_an_engine_writes_a_report_that_holds_together() {
    let root = Root::new();
    let engine = root.start(&["--metrics", "127.0.0.1:0"]);
    let folder = root.path().join("run");
    let ended = root.ended(&["pump", "--count", "40", "--size", "small", "--report", folder.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    engine.drained();
    assert!(ended.stdout.contains("Load report: story") && ended.stdout.contains("Bottleneck:"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with(&read(&root, "report.txt")));

    let report: Value = serde_json::from_str(&read(&root, "report.json")).unwrap();
    assert_eq!(report["kind"], "scanmill load report");
    let side = &report["engine"];
    assert_eq!((&report["pump"]["photos"], &report["pump"]["complete"]), (&40.into(), &true.into()));
    assert_eq!(side["was_fresh"], true);
    // A photo whose notification came twice may have been read twice.
    let done = side["photos"].as_u64().unwrap();
    assert!((40..60).contains(&done), "{done}");
    for what in ["lost", "doubled", "wrong"] {
        assert_eq!(report["verdict"][what], 0);
    }
    let rows = report["verdict"]["rows"].as_u64().unwrap() + report["verdict"]["rejections"].as_u64().unwrap();
    assert_eq!(side["rows_loaded"], rows);
    for latency in ["durable", "row"] {
        let quantiles = &report[latency]["quantiles"];
        assert_eq!(quantiles["count"], 40, "{latency}");
        let values = ["p50", "p90", "p99", "p999", "p9999", "max"].map(|name| quantiles[name].as_f64().unwrap());
        assert!(values.is_sorted() && values[0] > 0.0, "{latency}: {values:?}");
    }
    let of = |latency: &str| report[latency]["quantiles"]["max"].as_f64().unwrap();
    assert!(of("durable") <= of("row"), "a row is durable before it is loaded");
    for (name, counts) in [("due", 40), ("durable", 40), ("loaded", 40)] {
        let counted: u64 = report["flow"][name].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(counted, counts, "{name}");
    }
    let stage =
        |name: &str| side["stages"].as_array().unwrap().iter().find(|time| time["stage"] == name).unwrap().clone();
    assert!(stage("decode")["count"].as_u64().unwrap() >= 30);
    assert_eq!(stage("decode")["exact"], true);
    assert!(stage("upload_to_durable")["p99"].as_f64().unwrap() > 0.0);
    assert!(side["cpu_seconds"].as_f64().unwrap() >= side["decode_cpu_seconds"].as_f64().unwrap());
    assert!(side["peak_resident_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(report["costs"]["ways"].as_array().unwrap().len() == 3);
    assert_ne!(report["bottleneck"]["what"], "unknown");
    let page = read(&root, "report.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n") && page.contains("id=\"costs\""));

    shown_again(&root);
}

/// Of one and the same run: what a dashboard makes of the buckets is what the answer key says.
#[test]
fn p99_until_durable_by_the_histogram_is_that_of_the_answer_key() {
    let root = Root::new();
    let engine = root.start(&["--metrics", "127.0.0.1:0"]);
    let folder = root.path().join("run");
    // Long enough for several batches, and slow enough for a small machine.
    let pump = ["pump", "--count", "150", "--rate", "15/s", "--size", "small", "--report", folder.to_str().unwrap()];
    let ended = root.ended(&pump);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    engine.drained();
    let report = LoadReport::read(&folder.join("report.json")).unwrap();
    let (by_key, by_histogram) = report.p99_until_durable().expect("both are known");
    assert!((by_histogram / by_key - 1.0).abs() <= 0.1, "{by_histogram} ms by the histogram, {by_key} ms by the key");
    assert!(ended.stdout.contains("by the answer key, "), "{}", ended.stdout);
}

/// The report of the folder, by `pump report`.
fn shown_again(root: &Root) {
    let folder = root.path().join("run");
    let folder = folder.to_str().unwrap();
    let command = |more: &[&str]| {
        let mut command = crate::process::scanmill();
        command.args([&["pump", "report"], more].concat());
        Running::start(command).ended()
    };
    let text = command(&[folder]);
    assert_eq!((text.code, text.stdout), (Some(0), read(root, "report.txt")));
    let page = root.path().join("again.html");
    let compared = command(&[folder, "--compare", folder, "--html", page.to_str().unwrap(), "--json"]);
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    let comparison: Value = serde_json::from_str(&compared.stdout).unwrap();
    assert!(comparison["changes"].as_array().unwrap().iter().all(|change| change["meaning"] == "noise"));
    assert!(std::fs::read_to_string(page).unwrap().contains("id=\"changes\""));
    let json = command(&[&format!("{folder}/report.json"), "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap()["version"], 1);
    let wrong = command(&[&format!("{folder}/report.txt")]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("is not a load report") && wrong.stderr.contains("hint:"), "{}", wrong.stderr);
}

#[test]
fn without_an_engine_the_report_has_the_pumps_side() {
    let root = Root::new();
    let folder = root.path().join("run");
    let ended =
        root.ended(&["pump", "--count", "5", "--size", "small", "--report", folder.to_str().unwrap(), "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap()["photos"], 5, "one JSON object alone");
    let report: Value = serde_json::from_str(&read(&root, "report.json")).unwrap();
    assert_eq!((&report["engine"], &report["verdict"]), (&Value::Null, &Value::Null));
    assert!(read(&root, "report.txt").contains("no engine on this root showed its page"));
}
