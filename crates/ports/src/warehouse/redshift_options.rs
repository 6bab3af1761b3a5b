//! How the warehouse in Amazon Redshift is reached.

use std::time::Duration;

use scanmill_core::section;
use scanmill_core::section::{arn, endpoint, identifier, name, optional};

section! {
    /// With `warehouse.kind` `redshift`.
    pub struct RedshiftOptions in "redshift" {
        /// Redshift Serverless workgroup. Set this or `redshift.cluster`.
        workgroup: Option<String> = "" in "workgroup name", text(optional), restart;
        /// Provisioned Redshift cluster. Set this or `redshift.workgroup`.
        cluster: Option<String> = "" in "cluster identifier", text(optional), restart;
        /// Database of the tables.
        database: String = "scanmill" in "database name", text(name), restart;
        /// Schema of tables, ledger and marts.
        schema: String = "public" in "schema name", text(identifier), restart;
        /// For a cluster: user to ask temporary credentials for; empty maps the IAM identity.
        db_user: Option<String> = "" in "database user", text(optional), restart;
        /// Secret with user name and password; empty takes temporary IAM credentials.
        secret_arn: Option<String> = "" in "secret ARN", text(arn), restart;
        /// Role attached to the warehouse that COPY reads the results bucket with.
        copy_role: String = "default" in "role ARN or `default`", text(name), restart;
        /// Another Data API server; empty is Amazon's.
        endpoint: Option<String> = "" in "URL", text(endpoint), restart;
        /// Longest time for one load.
        statement_timeout as "statement_timeout_seconds": Duration = "900" in "seconds", seconds(10, 86_400), restart;
    }
}
