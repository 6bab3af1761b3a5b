//! The stand-in for the Redshift Data API keeps Redshift's rules.

use std::process::Command;

use serde_json::{Value, json};

use crate::rig::{DataApi, Ministack, WORKGROUP};

/// A database of the shared stand-in, and a bucket.
struct Place {
    api: &'static DataApi,
    database: String,
    bucket: String,
}

impl Place {
    fn new() -> Place {
        let (api, bucket) = (DataApi::shared(), crate::rig::unique("batches"));
        Ministack::shared().aws().create_bucket(&bucket).unwrap();
        Place { api, database: api.create_database().unwrap(), bucket }
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        Ministack::shared().aws().put_object(&self.bucket, key, bytes).unwrap();
    }

    fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        self.api.query(&self.database, sql).unwrap()
    }

    fn request(&self, sqls: &[&str]) -> Value {
        json!({ "WorkgroupName": WORKGROUP, "Database": self.database, "Sqls": sqls })
    }

    /// Runs a batch to its end.
    fn batch(&self, sqls: &[&str]) -> Value {
        let submitted = self.api.call("BatchExecuteStatement", &self.request(sqls)).unwrap();
        self.api.described(&submitted["Id"]).unwrap()
    }

    fn copy(&self, key: &str, options: &str) -> String {
        format!("COPY t FROM 's3://{}/{key}' IAM_ROLE default FORMAT JSON 'auto' {options}", self.bucket)
    }
}

fn statuses(described: &Value) -> Vec<&str> {
    described["SubStatements"].as_array().unwrap().iter().map(|part| part["Status"].as_str().unwrap()).collect()
}

#[test]
fn a_batch_is_one_transaction() {
    let place = Place::new();
    place.query("CREATE TABLE t (a INTEGER NOT NULL, PRIMARY KEY (a)) DISTSTYLE AUTO SORTKEY (a)");
    let failed =
        place.batch(&["INSERT INTO t VALUES (1)", "INSERT INTO nowhere VALUES (1)", "INSERT INTO t VALUES (2)"]);
    assert_eq!(failed["Status"], json!("FAILED"));
    assert_eq!(failed["Error"], json!("Query #2 failed with ERROR: relation \"nowhere\" does not exist"));
    assert_eq!(statuses(&failed), ["FINISHED", "FAILED", "ABORTED"]);
    assert_eq!(failed["SubStatements"][0]["Id"], json!(format!("{}:1", failed["Id"].as_str().unwrap())));
    assert_eq!(place.query("SELECT COUNT(*) FROM t"), [[json!(0)]], "rolled back");

    let done = place.batch(&["INSERT INTO t VALUES (1), (1)", "SELECT a FROM t"]);
    assert_eq!(done["Status"], json!("FINISHED"));
    assert_eq!(done["SubStatements"][0]["ResultRows"], json!(2), "a primary key is not enforced");
    let result = place.api.call("GetStatementResult", &json!({ "Id": done["SubStatements"][1]["Id"] })).unwrap();
    assert_eq!(result["TotalNumRows"], json!(2));
    assert_eq!(result["Records"][0], json!([{ "longValue": 1 }]));
}

#[test]
fn a_client_token_runs_once() {
    let place = Place::new();
    place.query("CREATE TABLE t (a INTEGER)");
    let mut request = place.request(&["INSERT INTO t VALUES (1)"]);
    request["ClientToken"] = json!(crate::rig::unique("token"));
    let first = place.api.call("BatchExecuteStatement", &request).unwrap();
    let second = place.api.call("BatchExecuteStatement", &request).unwrap();
    assert_eq!(first["Id"], second["Id"]);
    place.api.described(&first["Id"]).unwrap();
    assert_eq!(place.query("SELECT COUNT(*) FROM t"), [[json!(1)]]);
    request["Sqls"] = json!(["INSERT INTO t VALUES (2)"]);
    let refused = place.api.call("BatchExecuteStatement", &request).unwrap_err().to_string();
    assert!(refused.contains("ValidationException") && refused.contains("ClientToken"), "{refused}");
}

#[test]
fn copy_takes_a_manifest_and_reports_rows_it_refuses() {
    let place = Place::new();
    place.query("CREATE TABLE t (name VARCHAR(4) NOT NULL, at TIMESTAMP, n BIGINT, attrs SUPER)");
    place.put("b/1", b"{\"name\":\"a\",\"at\":\"2026-11-22T10:00:00.5Z\",\"n\":1,\"attrs\":{\"x\":[1]},\"more\":1}\n{\"name\":\"b\"}");
    place.put("b/2", "{\"name\":\"ok\"}\n{\"name\":\"äää\"}\n{\"name\":\"c\",\"n\":\"x1\"}\n".as_bytes());
    let manifest = |keys: &[&str]| {
        let entries: Vec<Value> = keys
            .iter()
            .map(|key| json!({ "url": format!("s3://{}/{key}", place.bucket), "mandatory": true }))
            .collect();
        place.put("m", json!({ "entries": entries }).to_string().as_bytes());
    };

    manifest(&["b/1"]);
    assert_eq!(place.batch(&[&place.copy("m", "MANIFEST")])["SubStatements"][0]["ResultRows"], json!(2));
    assert_eq!(
        place.query("SELECT name, at, n, attrs FROM t ORDER BY name"),
        [
            [json!("a"), json!("2026-11-22 10:00:00.5"), json!(1), json!("{\"x\": [1]}")],
            [json!("b"), Value::Null, Value::Null, Value::Null]
        ]
    );

    manifest(&["b/1", "b/2"]);
    let failed = place.batch(&[&place.copy("m", "MANIFEST")]);
    let text = failed["Error"].as_str().unwrap();
    assert!(
        text.starts_with("Query #1 failed with ERROR: Load into table 't' failed.  Check 'sys_load_error_detail'"),
        "{text}"
    );
    let query = &failed["SubStatements"][0]["RedshiftQueryId"];
    assert_eq!(
        place.query(&format!(
            "SELECT TRIM(file_name), line_number, TRIM(column_name), error_code, TRIM(error_message)
             FROM sys_load_error_detail WHERE query_id = {query}"
        )),
        [[
            json!(format!("s3://{}/b/2", place.bucket)),
            json!(2),
            json!("name"),
            json!(1204),
            json!("String length exceeds DDL length")
        ]],
        "six bytes in VARCHAR(4), and the default stops at the first"
    );
    assert_eq!(place.query("SELECT COUNT(*) FROM t"), [[json!(2)]], "all or nothing");

    let dry = place.batch(&[&place.copy("m", "MANIFEST NOLOAD MAXERROR 9")]);
    assert_eq!((&dry["Status"], &dry["SubStatements"][0]["ResultRows"]), (&json!("FINISHED"), &json!(0)));
    let most = place.batch(&[&place.copy("m", "MANIFEST MAXERROR 3")]);
    assert_eq!((&most["Status"], &most["SubStatements"][0]["ResultRows"]), (&json!("FINISHED"), &json!(3)));

    manifest(&["b/1", "nowhere"]);
    let failed = place.batch(&[&place.copy("m", "MANIFEST")]);
    assert!(failed["Error"].as_str().unwrap().contains("Mandatory url is not present in manifest file"), "{failed}");
    let unzipped = place.batch(&[&place.copy("b/1", "GZIP")]);
    assert!(unzipped["Error"].as_str().unwrap().contains("decompressing gzip"), "{unzipped}");
}

#[test]
fn faults_strike_where_they_are_told() {
    let place = Place::new();
    place.query("CREATE TABLE t (a INTEGER)");
    let rows = || place.query("SELECT COUNT(*) FROM t")[0][0].clone();
    let insert = "INSERT INTO t VALUES (1)";
    let set = |rule: Value| place.api.faults_in(&place.database, &json!([rule])).unwrap();

    set(json!({ "at": "statement", "number": 2, "do": "fail", "text": "serializable" }));
    let failed = place.batch(&[insert, insert]);
    assert!(failed["Error"].as_str().unwrap().contains("1023"), "{failed}");
    assert_eq!((statuses(&failed), rows()), (vec!["FINISHED", "FAILED"], json!(0)));

    set(json!({ "at": "statement", "number": 1, "do": "kill" }));
    assert_eq!(place.batch(&[insert])["Status"], json!("FAILED"));
    set(json!({ "at": "commit", "do": "fail" }));
    assert_eq!(place.batch(&[insert])["Status"], json!("FAILED"));
    assert_eq!(rows(), json!(0));
    set(json!({ "at": "committed", "do": "fail" }));
    assert_eq!(place.batch(&[insert])["Status"], json!("FAILED"));
    assert_eq!(rows(), json!(1), "though the answer was failure");

    set(
        json!({ "at": "call", "action": "BatchExecuteStatement", "do": "error", "error": "ThrottlingException", "times": 2 }),
    );
    for _ in 0..2 {
        let refused = place.api.call("BatchExecuteStatement", &place.request(&[insert])).unwrap_err().to_string();
        assert!(refused.contains("HTTP 400") && refused.contains("ThrottlingException"), "{refused}");
    }
    assert_eq!(place.batch(&[insert])["Status"], json!("FINISHED"));

    set(json!({ "at": "answer", "action": "BatchExecuteStatement", "do": "disconnect" }));
    let mut request = place.request(&[insert]);
    request["ClientToken"] = json!(crate::rig::unique("token"));
    place.api.call("BatchExecuteStatement", &request).unwrap_err();
    let known = place.api.call("BatchExecuteStatement", &request).unwrap();
    assert_eq!(place.api.described(&known["Id"]).unwrap()["Status"], json!("FINISHED"));
    assert_eq!(rows(), json!(3), "the lost answer's statement ran, once");
    set(json!({ "at": "call", "action": "DescribeStatement", "do": "error" }));
    let refused = place.api.call("DescribeStatement", &json!({ "Id": known["Id"] })).unwrap_err().to_string();
    assert!(refused.contains("HTTP 500") && refused.contains("InternalServerException"), "{refused}");
    place.api.faults_in(&place.database, &json!([{ "at": "nowhere", "do": "fail" }])).unwrap_err();
}

#[test]
fn settings_change_what_aws_would() {
    let api = DataApi::start("http://127.0.0.1:9").unwrap();
    let request = json!({ "WorkgroupName": WORKGROUP, "Database": "dev", "Sql": "SELECT 1", "WaitTimeSeconds": 5 });
    let refused = |request: &Value| api.call("ExecuteStatement", request).unwrap_err().to_string();
    assert!(
        refused(&json!({ "WorkgroupName": "other", "Database": "dev", "Sql": "SELECT 1" }))
            .contains("endpoint doesn't exist")
    );
    assert!(
        refused(&json!({ "Database": "dev", "Sql": "SELECT 1" })).contains("Either ClusterIdentifier or WorkgroupName")
    );

    api.settings(&json!({ "wait": "refused" })).unwrap();
    assert!(refused(&request).contains("WaitTimeSeconds"));
    api.settings(&json!({ "wait": "honoured", "denied_actions": ["ExecuteStatement"] })).unwrap();
    assert!(refused(&request).contains("AccessDeniedException"));
    api.settings(&json!({ "denied_actions": [], "paused": true, "active_limit": 1 })).unwrap();
    let waiting = api
        .call("ExecuteStatement", &json!({ "WorkgroupName": WORKGROUP, "Database": "dev", "Sql": "SELECT 1" }))
        .unwrap();
    assert!(refused(&request).contains("ActiveStatementsExceededException"));
    api.call("CancelStatement", &json!({ "Id": waiting["Id"] })).unwrap();
    assert_eq!(api.described(&waiting["Id"]).unwrap()["Status"], json!("ABORTED"));

    api.settings(&json!({ "paused": false, "page_rows": 2 })).unwrap();
    let union = "SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3 ORDER BY a";
    assert_eq!(api.query("dev", union).unwrap(), [[json!(1)], [json!(2)], [json!(3)]], "over two pages");
    let done = api.call("ExecuteStatement", &request).unwrap();
    api.settings(&json!({ "clock_ahead_seconds": 90_000 })).unwrap();
    let gone = api.call("DescribeStatement", &json!({ "Id": done["Id"] })).unwrap_err().to_string();
    assert!(gone.contains("ResourceNotFoundException"), "{gone}");
    let unsigned = crate::rig::http::request(
        "POST",
        api.endpoint(),
        "/",
        &[("X-Amz-Target", "RedshiftData.ListStatements")],
        b"{}",
    )
    .unwrap();
    assert!(unsigned.text().contains("MissingAuthenticationToken"), "{}", unsigned.text());
}

#[test]
fn copy_needs_a_role_that_may_read() {
    let ministack = Ministack::shared();
    let api = DataApi::start(ministack.server.endpoint()).unwrap();
    let bucket = crate::rig::unique("batches");
    ministack.aws().create_bucket(&bucket).unwrap();
    ministack.aws().put_object(&bucket, "1", b"{\"a\":1}").unwrap();
    api.query("dev", "CREATE TABLE t (a INTEGER)").unwrap();
    let copy = |role: &str| api.query("dev", &format!("COPY t FROM 's3://{bucket}/1' IAM_ROLE {role} JSON 'auto'"));
    api.settings(&json!({
        "denied_roles": ["arn:aws:iam::123456789012:role/blind"],
        "unattached_roles": ["arn:aws:iam::123456789012:role/strange"],
    }))
    .unwrap();
    let blind = copy("'arn:aws:iam::123456789012:role/blind'").unwrap_err().to_string();
    assert!(blind.contains("S3ServiceException:Access Denied,Status 403"), "{blind}");
    let strange = copy("'arn:aws:iam::123456789012:role/strange'").unwrap_err().to_string();
    assert!(strange.contains("is not authorized to assume IAM Role"), "{strange}");
    copy("default").unwrap();
    assert_eq!(api.query("dev", "SELECT a FROM t").unwrap(), [[json!(1)]]);
}

#[test]
fn a_lock_waits_and_then_sees_what_the_other_wrote() {
    let place = Place::new();
    place.query("CREATE TABLE t (a INTEGER)");
    let once = [
        "LOCK TABLE t",
        "CREATE TEMP TABLE s (LIKE t)",
        "INSERT INTO s VALUES (7)",
        "DELETE FROM s USING t WHERE s.a = t.a",
        "INSERT INTO t SELECT * FROM s",
    ];
    // The first holds its lock while the second is submitted; without the lock both would insert.
    let slow = json!([{ "at": "statement", "number": 5, "do": "delay", "seconds": 1 }]);
    place.api.faults_in(&place.database, &slow).unwrap();
    let ids = [(); 2].map(|()| place.api.call("BatchExecuteStatement", &place.request(&once)).unwrap()["Id"].clone());
    for id in ids {
        let described = place.api.described(&id).unwrap();
        assert_eq!(described["Status"], json!("FINISHED"), "{described}");
    }
    assert_eq!(place.query("SELECT COUNT(*) FROM t"), [[json!(1)]]);
}

#[test]
fn sqlfluff_knows_redshift() {
    crate::rig::sqlfluff("COPY t FROM 's3://b/m' IAM_ROLE default MANIFEST FORMAT JSON 'auto' GZIP").unwrap();
    let refused =
        crate::rig::sqlfluff("COPY t FROM 's3://b/m' IAM_ROLE default MANIFEST NONSENSE 'auto' GZIP").unwrap_err();
    assert!(refused.contains("NONSENSE"), "{refused}");
}

/// The rules for values, COPY and dialect, as tables in Python.
#[test]
fn the_tables_of_rules_hold() {
    let output = Command::new(crate::rig::Venv::ready().unwrap().program("python"))
        .args(["-m", "unittest", "discover", "--start-directory", "redshift", "--top-level-directory", "."])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("Ran 0 tests"), "{said}");
}
