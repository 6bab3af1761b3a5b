//! Bringing a file to the schema this binary knows.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::errors::sql_error;
use crate::error::Result;
use crate::warehouse::schema::{self, MARTS, VERSION, sqlite_tables};

/// `MIGRATIONS[n]` takes the tables of version n + 1 to version n + 2.
const MIGRATIONS: [&str; VERSION as usize - 1] = [];

/// Creates or migrates everything in one transaction; two processes at once are as good as one.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    // Without the write lock: the usual start of a process must not wait for another's load.
    if version(connection, path)? == VERSION {
        return Ok(());
    }
    let what = "cannot create or migrate the tables";
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql_error(what, path))?;
    let found = version(&transaction, path)?;
    if found > VERSION {
        return Err(schema::newer(found).context(format!("warehouse `{}`", path.display())));
    }
    if found == VERSION {
        return Ok(());
    }
    if found == 0 {
        transaction.execute_batch(&sqlite_tables()).map_err(sql_error(what, path))?;
    } else {
        for migration in MIGRATIONS.iter().skip(found as usize - 1) {
            transaction.execute_batch(migration).map_err(sql_error(what, path))?;
        }
        transaction.pragma_update(None, "user_version", VERSION).map_err(sql_error(what, path))?;
    }
    transaction.execute_batch(MARTS).map_err(sql_error("cannot create the marts", path))?;
    transaction.commit().map_err(sql_error(what, path))?;
    tracing::info!(path = %path.display(), from = found, to = VERSION, "warehouse schema brought up to date");
    Ok(())
}

fn version(connection: &Connection, path: &Path) -> Result<i64> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(sql_error("cannot read the schema version", path))
}
