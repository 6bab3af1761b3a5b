//! The stand-in for the Redshift Data API lets transactions meet as Redshift does: what a loader must guard against
//! happens here too.

use serde_json::{Value, json};

use crate::rig::{DataApi, WORKGROUP};

/// A stand-in without S3: no test here copies.
fn api() -> DataApi {
    DataApi::start("http://127.0.0.1:9").unwrap()
}

fn submit(api: &DataApi, sqls: &[&str]) -> Value {
    let request = json!({ "WorkgroupName": WORKGROUP, "Database": "dev", "Sqls": sqls });
    api.call("BatchExecuteStatement", &request).unwrap()["Id"].clone()
}

/// Waits until this sub-statement runs.
fn until_started(api: &DataApi, id: &Value, number: usize) {
    loop {
        let described = api.call("DescribeStatement", &json!({ "Id": id })).unwrap();
        match described["SubStatements"][number - 1]["Status"].as_str() {
            Some("STARTED") => return,
            Some("SUBMITTED") => std::thread::yield_now(),
            _ => panic!("{described}"),
        }
    }
}

/// Two loaders look, and then insert what they did not find. Both have looked before either inserts. Gives how each
/// ended and the number of rows.
fn two_that_look_first(api: &DataApi) -> (Vec<String>, Value) {
    api.query("dev", "CREATE TABLE t (a INTEGER)").unwrap();
    api.query("dev", "CREATE TABLE gate (a INTEGER)").unwrap();
    api.faults(&json!([{ "at": "statement", "number": 2, "do": "delay", "seconds": 600 }])).unwrap();
    let gatekeeper = submit(api, &["LOCK TABLE gate", "SELECT 1"]);
    until_started(api, &gatekeeper, 2);
    let look_first = [
        "SELECT COUNT(*) FROM t",
        "LOCK TABLE gate",
        "INSERT INTO t SELECT 7 WHERE NOT EXISTS (SELECT 1 FROM t WHERE a = 7)",
    ];
    let ids = [submit(api, &look_first), submit(api, &look_first)];
    for id in &ids {
        until_started(api, id, 2);
    }
    api.call("CancelStatement", &json!({ "Id": gatekeeper })).unwrap();
    let ends = ids.iter().map(|id| {
        let described = api.described(id).unwrap();
        format!("{} {}", described["Status"].as_str().unwrap(), described["Error"].as_str().unwrap_or_default())
    });
    (ends.collect(), api.query("dev", "SELECT COUNT(*) FROM t").unwrap()[0][0].clone())
}

#[test]
fn snapshots_let_both_insert() {
    let (ends, rows) = two_that_look_first(&api());
    assert_eq!((ends, rows), (vec!["FINISHED ".to_owned(), "FINISHED ".to_owned()], json!(2)));
}

#[test]
fn serializable_isolation_fails_one_with_1023() {
    let api = api();
    api.settings(&json!({ "isolation": "serializable" })).unwrap();
    let (mut ends, rows) = two_that_look_first(&api);
    ends.sort();
    assert!(ends[0].contains("1023 DETAIL: Serializable isolation violation on table"), "{ends:?}");
    assert_eq!((ends[1].as_str(), rows), ("FINISHED ", json!(1)));
    let level = api.query("dev", "SELECT TRIM(isolation_level) FROM stv_db_isolation_level").unwrap();
    assert_eq!(level, [[json!("Serializable")]]);
}

#[test]
fn truncate_commits_and_vacuum_stands_alone() {
    let api = api();
    api.query("dev", "CREATE TABLE t (a INTEGER)").unwrap();
    let id = submit(&api, &["INSERT INTO t VALUES (1)", "TRUNCATE t", "INSERT INTO t VALUES (2)", "SELECT 1 / 0"]);
    assert_eq!(api.described(&id).unwrap()["Status"], json!("FAILED"));
    assert_eq!(api.query("dev", "SELECT COUNT(*) FROM t").unwrap(), [[json!(0)]], "emptied, though the batch failed");
    let id = submit(&api, &["VACUUM t", "SELECT 1"]);
    assert!(api.described(&id).unwrap()["Error"].as_str().unwrap().contains("VACUUM cannot run inside a transaction"));
    api.query("dev", "VACUUM t").unwrap();
}

#[test]
fn system_views_and_types_tell_what_redshift_would() {
    let api = api();
    let query = |sql: &str| api.query("dev", sql).unwrap();
    query("CREATE TABLE t (At TIMESTAMP SORTKEY, \"Name\" VARCHAR(4), attrs SUPER, x DOUBLE PRECISION) DISTSTYLE EVEN");
    query("INSERT INTO t VALUES ('2026-11-22 10:00:00', 'a\\'b', JSON_PARSE('{\"k\":1}'), 1.5)");
    query("CREATE VIEW v AS SELECT name, ST_SetSRID(ST_Point(x, 2.0), 4326) AS place FROM t");
    assert_eq!(query("SELECT place, NAME FROM v"), [[json!("SRID=4326;POINT(1.5 2)"), json!("a'b")]]);
    assert_eq!(
        query("SELECT \"table\", diststyle, sortkey1 FROM svv_table_info WHERE \"schema\" = 'public'"),
        [[json!("t"), json!("EVEN"), json!("at")]]
    );
    assert_eq!(
        query("SELECT column_name, data_type FROM svv_columns WHERE table_name = 't' ORDER BY ordinal_position"),
        [
            [json!("at"), json!("timestamp without time zone")],
            [json!("name"), json!("character varying")],
            [json!("attrs"), json!("super")],
            [json!("x"), json!("double precision")]
        ]
    );
    let long = api.query("dev", "INSERT INTO t (name) VALUES ('äöü')").unwrap_err().to_string();
    assert!(long.contains("Value too long for character type"), "{long}");

    let request = json!({
        "ClusterIdentifier": "rig-cluster", "DbUser": "loader", "Database": "dev", "WaitTimeSeconds": 30,
        "Sql": "SELECT x FROM t WHERE name = :name", "Parameters": [{ "name": "name", "value": "a'b" }],
    });
    let done = api.call("ExecuteStatement", &request).unwrap();
    let result = api.call("GetStatementResult", &json!({ "Id": done["Id"] })).unwrap();
    assert_eq!(result["Records"], json!([[{ "doubleValue": 1.5 }]]));
    let mut unused = request;
    unused["Sql"] = json!("SELECT 1");
    let refused = api.call("ExecuteStatement", &unused).unwrap_err().to_string();
    assert!(refused.contains("unused parameters"), "{refused}");
    let nowhere = api.query("nowhere", "SELECT 1").unwrap_err().to_string();
    assert!(nowhere.contains("database \"nowhere\" does not exist"), "{nowhere}");
}
