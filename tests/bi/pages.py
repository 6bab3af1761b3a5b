"""The pages of config/bi that follow from the warehouse: LookML views, dbt sources, the DuckDB script, Superset's export."""

import json
import pathlib
import re

from superset_pages import superset

NOTE = "Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together."
COUNTS = {"scans", "photos", "codes", "row_count", "photo_count"}
# Figures of a row that a chart may draw, and how those of several rows are put together: weeks add up over products, not
# over days; what else has no sum is of one row for each thing that it is asked by.
FIGURES = {
    "scans_7_days": "sum", "scans_7_days_before": "sum", "growth": "max", "lift": "max",
    "batches": "max", "rows_in_batches": "max", "rows_standing": "max",
}
DUCKDB = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}


def relations(columns_json, marts_sql):
    """Every table and mart: name, question or nothing, columns as (name, type, required, doc)."""
    questions = {
        name: " ".join(line[3:] for line in text.splitlines())
        for text, name in re.findall(r"((?:^-- .*\n)+)DROP VIEW IF EXISTS (\w+);", marts_sql, re.M)
    }
    found = {}
    for name, kind, sql, column, of, required in json.loads(pathlib.Path(columns_json).read_text()):
        of_column = rf"{column} (?:TEXT|INTEGER|REAL)[^\n]*?" if kind == "table" else rf"[^\n]* AS {column},?"
        docs = re.findall(rf"^ +{of_column} -- ([^\n]*)$", sql, re.M)
        of = {"INT": "INTEGER"}.get(of, of)
        assert of in DUCKDB, (name, column, of)
        found.setdefault(name, []).append((column, of, bool(required), docs[0] if docs else None))
    return [(name, questions.get(name), columns) for name, columns in found.items()]


def is_time(column):
    return column.endswith(("_at", "_local"))


def group_of(column):
    """The name of a dimension group; Looker adds the timeframe to it: local_date of local."""
    return column.removesuffix("_date").removesuffix("_at") if column != "captured_local" else "captured_local"


def quoted(text):
    return '"' + text.replace('"', "'") + '"'


def lookml(name, question, columns):
    names = [column for column, *_ in columns]
    lines = [f"# {NOTE}", f"view: {name} {{", f"  sql_table_name: {name} ;;"]
    if question:
        lines[1:1] = [f"# {question}"]
    key = {"scans": "scan_id", "rejections": "photo_id", "load_ledger": "batch_id", "mart_photo": "photo_id"}.get(name)
    for column, of, _, doc in columns:
        about = [f"    description: {quoted(doc)}"] if doc else []
        sql = f"    sql: ${{TABLE}}.{column} ;;"
        if is_time(column) or column.endswith("_date"):
            is_date = column.endswith("_date")
            frames = "date, week, month, quarter, year, day_of_week" if is_date else "time, hour, date, week, month, year"
            lines += [f"  dimension_group: {group_of(column)} {{", "    type: time", f"    timeframes: [raw, {frames}]"]
            lines += [f"    datatype: {'date' if is_date else 'timestamp'}", "    convert_tz: no"]
            lines += about + [sql, "  }"]
        elif column in COUNTS and column != "codes":
            lines += [f"  measure: total_{column} {{", "    type: sum"] + about + [sql, "  }"]
        else:
            of = "number" if of in ("INTEGER", "REAL") else "string"
            lines += [f"  dimension: {column} {{"] + (["    primary_key: yes"] if column == key else [])
            lines += [f"    type: {of}"] + about + [sql, "  }"]
        if column in FIGURES:
            prefix = {"sum": "total", "max": "max"}[FIGURES[column]]
            lines += [f"  measure: {prefix}_{column} {{", f"    type: {FIGURES[column]}"] + about + [sql, "  }"]
    if {"latitude", "longitude"} <= set(names):
        lines += ["  dimension: location {", "    type: location", "    sql_latitude: ${TABLE}.latitude ;;"]
        lines += ["    sql_longitude: ${TABLE}.longitude ;;", "  }"]
    lines += ["  measure: count {", "    type: count", "  }"]
    if name == "scans":
        lines += ["  measure: photos {", "    type: count_distinct", "    sql: ${TABLE}.photo_id ;;", "  }"]
    return "\n".join(lines + ["}", ""])


def dbt(found):
    lines = [f"# {NOTE}", "version: 2", "", "sources:", "  - name: scanmill"]
    lines += ["    schema: \"{{ var('scanmill_schema', 'public') }}\"", "    tables:"]
    for name, question, columns in found:
        lines += [f"      - name: {name}"]
        if question:
            lines += [f"        description: {quoted(question)}"]
        if name in ("scans", "rejections"):
            lines += ["        loaded_at_field: processed_at", "        freshness:"]
            lines += ["          warn_after: {count: 1, period: day}"]
        lines += ["        columns:"]
        unique = {"scans": "scan_id", "rejections": "photo_id", "load_ledger": "batch_id", "mart_photo": "photo_id", "mart_day": "local_date"}
        for column, _, required, doc in columns:
            lines += [f"          - name: {column}"] + ([f"            description: {quoted(doc)}"] if doc else [])
            tests = (["unique"] if unique.get(name) == column else []) + (["not_null"] if required else [])
            if (name, column) == ("mart_photo", "outcome"):
                tests += ["accepted_values: {values: [scanned, rejected]}"]
            if tests:
                lines += ["            tests:"] + [f"              - {test}" for test in tests]
    return "\n".join(lines + [""])


def duckdb(found, passing):
    tables = {name: columns for name, _, columns in found}
    types = {"row_kind": "VARCHAR"}
    for column, of, *_ in tables["scans"] + tables["rejections"]:
        types[column] = "DATE" if column == "local_date" else "TIMESTAMP" if is_time(column) else DUCKDB[of]
    columns = ",\n".join(f"    {column}: '{of}'" for column, of in types.items())
    reasons = ", ".join(f"'{reason}'" for reason in passing)
    text = f"""-- {NOTE}
--
-- Reads the sealed batches as they are, with no warehouse: start DuckDB in the folder that holds `batches`
-- (`data/results` embedded; on AWS `SET VARIABLE batches = 's3://BUCKET/batches/*.jsonl.gz'` first) and
-- `.read duckdb.sql`. Times are UTC, captured_local is the camera's clock.
--
-- Batches repeat what was delivered twice, and keep what a replay replaced. `scans` and `rejections` hold each photo
-- once, by the rules of the load: a final answer before a rejection of the moment, then the higher revision, then the
-- earlier batch. What they cannot know: in a folder, a file that was overwritten stands with every state that was read.

SET TimeZone = 'UTC';

CREATE OR REPLACE VIEW lines AS
SELECT * FROM read_json(
  COALESCE(getvariable('batches'), 'batches/*.jsonl.gz'),
  format = 'newline_delimited', compression = 'gzip', maximum_object_size = 4194304,
  columns = {{
{columns}
  }}
);

CREATE OR REPLACE VIEW standing AS
SELECT * FROM lines
QUALIFY RANK() OVER (
  PARTITION BY photo_id
  ORDER BY CASE WHEN reason IN ({reasons}) THEN 1 ELSE 0 END, revision DESC, batch_id, processed_at, row_kind DESC
) = 1
AND ROW_NUMBER() OVER (PARTITION BY photo_id, scan_id, revision, batch_id, processed_at, row_kind) = 1;
"""
    for table in ("scans", "rejections"):
        names = ", ".join(column for column, *_ in tables[table])
        text += f"\nCREATE OR REPLACE VIEW {table} AS\nSELECT {names}\nFROM standing\nWHERE row_kind = '{table[:-1]}';\n"
    return text


def pages(columns_json, marts_sql, passing):
    """Path in config/bi and text of every page."""
    found = relations(columns_json, marts_sql)
    made = {f"looker/views/{name}.view.lkml": lookml(name, question, columns) for name, question, columns in found}
    made["dbt/sources.yml"] = dbt(found)
    made["duckdb.sql"] = duckdb(found, passing)
    made |= superset(found)
    return made
