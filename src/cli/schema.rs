//! `scanmill schema`.

use clap::{Args, ValueEnum};

use super::report::block_on;
use super::{Exit, GlobalArgs, out, settings};
use crate::app;
use crate::config::settings::WarehouseKind;
use crate::error::{Class, Result};
use crate::warehouse::Warehouse;
use crate::warehouse::schema::{self, VERSION, marts, redshift, sqlite_tables};

/// Prints or creates the warehouse's tables and marts
///
/// Without options it prints the SQL of tables and marts. The version that is in the warehouse and the one this
/// scanmill knows go to stderr.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanmill schema > warehouse.sql     the SQL of tables and marts
  scanmill schema --marts             the marts only, each with the question it answers
  scanmill schema --dialect redshift  the same for Redshift, whatever is configured
  scanmill schema --apply             create or migrate tables and marts")]
pub struct SchemaArgs {
    /// Print the SQL, also with --apply
    #[arg(long)]
    pub print: bool,
    /// Print the marts only
    #[arg(long)]
    pub marts: bool,
    /// Create the tables and marts, or migrate them to this scanmill's version; changes nothing when they are there
    #[arg(long)]
    pub apply: bool,
    /// Print the SQL of this warehouse instead of the configured one, and ask none
    #[arg(long, value_enum, value_name = "DIALECT", conflicts_with = "apply")]
    pub dialect: Option<Dialect>,
}

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// SQLite
    Sqlite,
    /// Amazon Redshift
    Redshift,
}

/// Runs the command.
pub fn run(args: &SchemaArgs, global: &GlobalArgs) -> Result<Exit> {
    if let Some(dialect) = args.dialect {
        out::print_text(&sql(args, dialect))?;
        return Ok(Exit::Success);
    }
    let settings = settings::load(global)?;
    let dialect = match settings.warehouse.kind {
        WarehouseKind::Sqlite => Dialect::Sqlite,
        WarehouseKind::Redshift => Dialect::Redshift,
    };
    let told = if args.apply && dialect == Dialect::Redshift {
        // Nothing but the warehouse: who creates tables need not be where the engine runs.
        block_on(state(app::existing_warehouse(&settings)?.as_ref(), true))?
    } else if args.apply {
        app::make_folders(&settings)?;
        block_on(state(app::open(&settings)?.warehouse.as_ref(), true))?
    } else {
        match app::existing_warehouse(&settings) {
            Ok(warehouse) => block_on(state(warehouse.as_ref(), false))?,
            // Printing must not make folders and files where there are none yet.
            Err(error) if error.class() == Class::Missing => {
                format!("schema version: none in the warehouse yet, this scanmill knows {VERSION}")
            }
            Err(error) => return Err(error),
        }
    };
    out::note(&told);
    out::print_text(&sql(args, dialect))?;
    Ok(Exit::Success)
}

/// The SQL these arguments ask for.
pub fn sql(args: &SchemaArgs, dialect: Dialect) -> String {
    match (args.marts, args.print || !args.apply) {
        (true, _) if dialect == Dialect::Redshift => marts::redshift(),
        (true, _) => marts::sqlite(),
        (false, true) if dialect == Dialect::Redshift => {
            format!("-- scanmill warehouse, schema version {VERSION}, Amazon Redshift\n\n{}", redshift::script())
        }
        (false, true) => {
            let (tables, marts) = (sqlite_tables(), marts::sqlite());
            format!("-- scanmill warehouse, schema version {VERSION}, SQLite\n\n{tables}\n{marts}")
        }
        (false, false) => String::new(),
    }
}

/// Which version is in the warehouse and which this binary knows, as a sentence; brings it up to date before.
pub async fn state(warehouse: &dyn Warehouse, apply: bool) -> Result<String> {
    let found = schema::version_of(warehouse).await?;
    let version = |found: Option<i64>| found.map_or_else(|| "none".to_owned(), |version| version.to_string());
    if apply {
        warehouse.prepare().await?;
        if found != Some(VERSION) {
            return Ok(format!("schema version: was {}, is now {VERSION}", version(found)));
        }
    }
    Ok(format!("schema version: {} in the warehouse, this scanmill knows {VERSION}", version(found)))
}
