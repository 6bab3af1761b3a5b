//! The stand-in for the Redshift Data API (`redshift/`), and a client of its own to look at the rows.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::server::{Plan, Server};
use super::{ACCESS_KEY, Failure, Outcome, REGION, http};

/// The workgroup the stand-in has at first; `rig-cluster` is its cluster, `dev` its database.
pub const WORKGROUP: &str = "rig";

/// A running stand-in.
#[derive(Debug)]
pub struct DataApi {
    pub server: Server,
}

impl DataApi {
    /// One of one's own, whose COPY reads from `s3_endpoint`.
    pub fn start(s3_endpoint: &str) -> Outcome<DataApi> {
        let server = Server::start(&Plan {
            name: "the Redshift Data API stand-in",
            program: "python",
            arguments: &["-m", "redshift", "--port", "{port}", "--folder", "{folder}", "--s3", s3_endpoint],
            environment: &[
                ("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig")),
                ("PYTHONDONTWRITEBYTECODE", "1"),
            ],
            ready: "/_standin/health",
        })?;
        Ok(DataApi { server })
    }

    /// The one all tests of this process share, on [`super::Ministack::shared`]: use a database of your own
    /// ([`DataApi::create_database`]) and [`DataApi::faults_in`]; settings hold for all, so they need a stand-in of
    /// their own.
    pub fn shared() -> &'static DataApi {
        static SHARED: OnceLock<DataApi> = OnceLock::new();
        SHARED.get_or_init(|| DataApi::start(super::Ministack::shared().server.endpoint()).unwrap())
    }

    /// `http://127.0.0.1:PORT`, for the SDK's `endpoint_url`.
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// A database no other test uses.
    pub fn create_database(&self) -> Outcome<String> {
        let name = super::unique("db").replace('-', "_");
        self.control("databases", &json!({ "name": name }))?;
        Ok(name)
    }

    /// What goes wrong from now on, in place of all that was set before; `redshift/faults.py` has the rules. For a
    /// stand-in of one's own.
    pub fn faults(&self, rules: &Value) -> Outcome<()> {
        self.control("faults", rules)
    }

    /// What goes wrong from now on in one database, in place of what was set for it before.
    pub fn faults_in(&self, database: &str, rules: &Value) -> Outcome<()> {
        self.control(&format!("faults?database={database}"), rules)
    }

    /// Changes settings; `redshift/faults.py` has them.
    pub fn settings(&self, settings: &Value) -> Outcome<()> {
        self.control("settings", settings)
    }

    /// How often an action was called, refused calls included.
    pub fn calls(&self, action: &str) -> Outcome<u64> {
        Ok(self.show("calls")?[action].as_u64().unwrap_or(0))
    }

    /// Every SQL text submitted so far, in order.
    pub fn sql(&self) -> Outcome<Vec<String>> {
        let texts = self.show("sql")?;
        let texts = texts.as_array().cloned().unwrap_or_default();
        Ok(texts.into_iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
    }

    /// Runs one statement in the workgroup and gives its rows; its error is the failure's text.
    pub fn query(&self, database: &str, sql: &str) -> Outcome<Vec<Vec<Value>>> {
        let answer = self.call(
            "ExecuteStatement",
            &json!({ "WorkgroupName": WORKGROUP, "Database": database, "Sql": sql, "WaitTimeSeconds": 30 }),
        )?;
        let id = &answer["Id"];
        let described = self.described(id)?;
        if described["Status"] != json!("FINISHED") {
            let text = |name: &str| described[name].as_str().unwrap_or_default().to_owned();
            return Err(Failure::new(format!("{}: {}", text("Status"), text("Error"))));
        }
        let mut rows = Vec::new();
        if described["HasResultSet"] == json!(false) {
            return Ok(rows);
        }
        let mut request = json!({ "Id": id });
        loop {
            let page = self.call("GetStatementResult", &request)?;
            for record in page["Records"].as_array().into_iter().flatten() {
                rows.push(record.as_array().into_iter().flatten().map(plain).collect());
            }
            match &page["NextToken"] {
                Value::Null => return Ok(rows),
                token => request["NextToken"] = token.clone(),
            }
        }
    }

    /// DescribeStatement once the statement has ended.
    pub fn described(&self, id: &Value) -> Outcome<Value> {
        loop {
            let described = self.call("DescribeStatement", &json!({ "Id": id, "WaitTimeSeconds": 30 }))?;
            if ["FINISHED", "FAILED", "ABORTED"].contains(&described["Status"].as_str().unwrap_or_default()) {
                return Ok(described);
            }
        }
    }

    /// One API call; an error's text holds its code.
    pub fn call(&self, action: &str, request: &Value) -> Outcome<Value> {
        let target = format!("RedshiftData.{action}");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/redshift-data/aws4_request");
        let headers = [
            ("X-Amz-Target", target.as_str()),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Authorization", authorization.as_str()),
        ];
        http::request("POST", self.endpoint(), "/", &headers, request.to_string().as_bytes())?.success()?.json()
    }

    fn control(&self, path: &str, body: &Value) -> Outcome<()> {
        let path = format!("/_standin/{path}");
        http::request("POST", self.endpoint(), &path, &[], body.to_string().as_bytes())?.success()?;
        Ok(())
    }

    fn show(&self, path: &str) -> Outcome<Value> {
        http::request("GET", self.endpoint(), &format!("/_standin/{path}"), &[], b"")?.success()?.json()
    }
}

/// A field's value without the name of its type.
fn plain(field: &Value) -> Value {
    if field["isNull"] == json!(true) {
        return Value::Null;
    }
    field.as_object().and_then(|object| object.values().next()).cloned().unwrap_or(Value::Null)
}
