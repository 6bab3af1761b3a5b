//! Redshift's words as errors with a class: the Data API has no codes for what happens inside the database.

use super::RedshiftOptions;
use scanmill_core::error::{Class, Error};

/// Words by which a rolled-back transaction may go well the next time, lower case.
const TRANSIENT: &[&str] = &[
    "error: 1023",
    "serializable isolation violation",
    "concurrent transaction",
    "could not serialize",
    "deadlock detected",
    "could not open relation with oid",
    "tuple concurrently updated",
    "duplicate key value violates unique constraint \"pg_",
    // Everything is created if it is not there: another has made it between that look and the statement.
    "already exists",
    "connection",
    "terminat",
    "cancelled",
    "canceled",
    "aborted",
    "restart",
    "shutting down",
    "timeout",
    "timed out",
    "internalerror",
    "internal error",
    "slowdown",
    "disk full",
    "out of memory",
];

const MISSING: &[&str] = &["relation", "table", "view", "schema"];

/// The error of a rolled-back transaction.
pub(super) fn error_of(text: &str, doing: &str, options: &RedshiftOptions) -> Error {
    let text = text.trim();
    let low = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let made = |class| Error::new(class, format!("{doing} on {}: {text}", options.server()));
    let (role, schema) = (&options.copy_role, &options.schema);
    if has(&["not authorized to assume", "not attached", "no default iam role", "not associated"]) {
        return made(Class::Refused).with_hint(format!(
            "COPY reads with role `{role}` (`redshift.copy_role`): attach it to the workgroup's namespace or the \
             cluster, and let `redshift.amazonaws.com` assume it"
        ));
    }
    if has(&["s3serviceexception:access denied", "error accessdenied", "status 403"]) {
        return made(Class::Refused).with_hint(format!(
            "allow `s3:GetObject` and `s3:ListBucket` on the results bucket in the policy of COPY's role `{role}`"
        ));
    }
    if has(&["must be addressed using the specified endpoint", "permanentredirect", "wrong region"]) {
        return made(Class::Refused).with_hint("the results bucket must be in the region of the warehouse");
    }
    if has(&["permission denied", "must be owner"]) {
        return made(Class::Refused).with_hint(format!(
            "GRANT USAGE, CREATE ON SCHEMA {schema} to the database user scanmill connects as; the tables must be its own"
        ));
    }
    if has(&["password authentication failed", "no such user"])
        || (low.contains("user") && low.contains("does not exist"))
    {
        return made(Class::Refused).with_hint("check `redshift.db_user` and `redshift.secret_arn`");
    }
    if low.contains("database") && low.contains("does not exist") && !low.contains("in the database") {
        return made(Class::Refused).with_hint("check `redshift.database`, or CREATE DATABASE");
    }
    // Before what is transient: the name of a table could hold any of those words.
    if low.contains("does not exist") && has(MISSING) {
        return made(Class::Missing)
            .with_hint("tables and marts are not there or not up to date: `scanmill schema --apply` creates them");
    }
    if has(TRANSIENT) {
        return made(Class::Transient);
    }
    made(Class::Permanent)
}

/// A refusal of the Data API itself, whose codes are known to `error`, by what its message says besides.
pub(super) fn refused(error: Error, message: Option<&str>, options: &RedshiftOptions) -> Error {
    let low = message.unwrap_or_default().to_lowercase();
    let named = if options.workgroup.is_some() { "redshift.workgroup" } else { "redshift.cluster" };
    let again = |class, hint: String| Error::new(class, error.to_string()).with_hint(hint);
    if low.contains("paused") || low.contains("resum") {
        return again(Class::Transient, "resume the cluster; the work continues automatically".into());
    }
    if low.contains("endpoint doesn't exist") || (low.contains("not found") && low.contains("cluster")) {
        return again(Class::Refused, format!("check `{named}` and `aws.region`: there is none of this name"));
    }
    if low.contains("getcredentials") || low.contains("getclustercredentials") {
        let action = if options.workgroup.is_some() {
            "redshift-serverless:GetCredentials"
        } else if options.db_user.is_some() {
            "redshift:GetClusterCredentials"
        } else {
            "redshift:GetClusterCredentialsWithIAM"
        };
        return again(Class::Refused, format!("allow `{action}` on it, in the policy of the role in use"));
    }
    if low.contains("secretsmanager") {
        return again(Class::Refused, "allow `secretsmanager:GetSecretValue` on `redshift.secret_arn`".into());
    }
    // A statement the service has forgotten is not a missing table: what came of it must be asked of the ledger.
    if error.class() == Class::Missing {
        return again(Class::Transient, "the load is tried again; what is in the ledger stays as it is".into());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::redshift::tests::options;

    #[test]
    fn words_give_class_and_remedy() {
        let table: &[(&str, Class, &str)] = &[
            ("ERROR: 1023 DETAIL: Serializable isolation violation on table - 100201", Class::Transient, ""),
            ("ERROR: type \"load_ledger\" already exists", Class::Transient, ""),
            ("Query cancelled on user's request", Class::Transient, ""),
            ("FATAL: terminating connection due to administrator command", Class::Transient, ""),
            ("ERROR: relation \"warehouse_schema\" does not exist", Class::Missing, "schema --apply"),
            ("ERROR: permission denied for schema public", Class::Refused, "GRANT USAGE"),
            ("FATAL: database \"scanmil\" does not exist", Class::Refused, "redshift.database"),
            (
                "ERROR: User arn:aws:redshift:x is not authorized to assume IAM Role default",
                Class::Refused,
                "redshift.copy_role",
            ),
            ("ERROR: S3ServiceException:Access Denied,Status 403,Error AccessDenied", Class::Refused, "s3:GetObject"),
            ("ERROR: division by zero", Class::Permanent, ""),
        ];
        for (text, class, hint) in table {
            let error = error_of(text, "loading", &options());
            assert_eq!(error.class(), *class, "{text}");
            assert!(error.hint_text().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint_text());
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn refusals_are_never_taken_for_missing_tables() {
        let refused = |class, message: &str| refused(Error::new(class, message), Some(message), &options());
        let gone = refused(Class::Permanent, "Redshift endpoint doesn't exist in this region.");
        assert_eq!(gone.class(), Class::Refused);
        assert!(gone.hint_text().unwrap().contains("redshift.workgroup"), "{:?}", gone.hint_text());
        assert_eq!(refused(Class::Permanent, "the cluster is paused").class(), Class::Transient);
        assert_eq!(refused(Class::Missing, "Query does not exist.").class(), Class::Transient);
        let denied = "not authorized to perform: redshift-serverless:GetCredentials";
        let hint = refused(Class::Permanent, denied).hint_text().unwrap().to_owned();
        assert!(hint.contains("redshift-serverless:GetCredentials"), "{hint}");
    }
}
