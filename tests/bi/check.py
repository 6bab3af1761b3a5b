"""check.py CONFIG_BI FOLDER MARTS_SQL PASSING: holds config/bi against the warehouse and the batches in FOLDER."""

import os
import pathlib
import sqlite3
import sys

import duckdb
import lkml
import yaml

from pages import pages, relations

FRAMES = ["raw", "time", "hour", "date", "week", "month", "quarter", "year", "day_of_week"]


def fields_of(view):
    """The names a query may use, of a parsed view, those of them that are measures, and the columns they are made of."""
    names, columns = set(), set()
    for kind in ("dimensions", "measures"):
        for field in view.get(kind, []):
            names.add(field["name"])
            columns |= {field[key] for key in ("sql", "sql_latitude", "sql_longitude") if key in field}
    for group in view.get("dimension_groups", []):
        names |= {f"{group['name']}_{frame}" for frame in group["timeframes"]}
        assert set(group["timeframes"]) <= set(FRAMES), group
        columns.add(group["sql"])
    listed = [f["name"] for kind in ("dimensions", "measures", "dimension_groups") for f in view.get(kind, [])]
    assert len(listed) == len(set(listed)), view["name"]
    measures = {field["name"] for field in view["measures"]}
    return names, measures, {column.strip().removeprefix("${TABLE}.") for column in columns}


def looker(root, found):
    columns_of = {name: {column for column, *_ in columns} for name, _, columns in found}
    fields, measures = {}, set()
    for path in sorted(root.glob("looker/**/*.lkml")):
        parsed = lkml.load(path.read_text())
        for view in parsed.get("views", []):
            names, of_view, columns = fields_of(view)
            assert columns <= columns_of[view["sql_table_name"]], (path, columns - columns_of[view["sql_table_name"]])
            fields[view["name"]] = names
            measures |= {f"{view['name']}.{name}" for name in of_view}
    assert set(fields) == set(columns_of), set(fields) ^ set(columns_of)
    model = lkml.load((root / "looker/scanmill.model.lkml").read_text())
    explores = {explore["name"] for explore in model["explores"]}
    # A view without an explore can be asked nothing.
    assert explores == set(fields), explores ^ set(fields)
    titles = []
    for path in sorted(root.glob("looker/dashboards/*.dashboard.lookml")):
        for board in yaml.safe_load(path.read_text()):
            titles.append(board["title"])
            for element in board["elements"] + board.get("filters", []):
                explore = element["explore"]
                assert element["model"] == "scanmill" and explore in explores, (path, element)
                used = element.get("fields", []) + list(element.get("filters", {}))
                used += list(element.get("listen", {}).values()) + ([element["field"]] if "field" in element else [])
                used += [sort.split()[0] for sort in element.get("sorts", [])] + element.get("pivots", [])
                for field in used:
                    view, name = field.split(".")
                    assert view == explore and name in fields[view], (path, field)
            for element in board["elements"]:
                asked = {of["name"] for of in board.get("filters", [])}
                assert set(element.get("listen", {})) <= asked, (path, element)
                assert measures & set(element["fields"]), (path, element["name"], "has nothing to draw: no measure")
                pivoted = element.get("pivots", [])
                assert set(pivoted) <= set(element["fields"]) - measures, (path, element["name"], pivoted)
    print(f"{len(fields)} views, {len(explores)} explores, dashboards: {', '.join(titles)}")
    assert len(titles) == 6


def dbt(root, found):
    columns_of = {name: [column for column, *_ in columns] for name, _, columns in found}
    source = yaml.safe_load((root / "dbt/sources.yml").read_text())["sources"][0]
    told = {table["name"]: [column["name"] for column in table["columns"]] for table in source["tables"]}
    assert told == columns_of


def rows(cursor):
    def cell(value):
        if hasattr(value, "isoformat"):
            text = value.isoformat(" ", "milliseconds") if hasattr(value, "hour") else value.isoformat()
            return text
        return value

    return sorted((tuple(cell(value) for value in row) for row in cursor.fetchall()), key=repr)


def duck(root, warehouse, batches, found):
    duck = duckdb.connect()
    duck.execute(f"SET VARIABLE batches = '{batches}/*.jsonl.gz'")
    duck.execute((root / "duckdb.sql").read_text())
    lite = sqlite3.connect(f"file:{warehouse}?mode=ro", uri=True)
    total = 0
    for name, _, columns in found:
        if name in ("scans", "rejections"):
            sql = f"SELECT {', '.join(column for column, *_ in columns)} FROM {name}"
            ours, theirs = rows(lite.execute(sql)), rows(duck.execute(sql))
            assert ours, name
            assert ours == theirs, (name, len(ours), len(theirs), [x for x in zip(ours, theirs) if x[0] != x[1]][:1])
            total += len(ours)
    by_day = "SELECT local_date, COUNT(*) FROM scans WHERE local_date >= '2026-02-22' GROUP BY local_date"
    assert rows(lite.execute(by_day)) == rows(duck.execute(by_day))
    assert duck.execute("SELECT COUNT(*) FROM lines").fetchone()[0] > total, "nothing repeats"
    kinds = {row[0]: row[1] for row in duck.execute("DESCRIBE scans").fetchall()}
    assert (kinds["processed_at"], kinds["local_date"], kinds["latitude"]) == ("TIMESTAMP", "DATE", "DOUBLE"), kinds
    print(f"{total} rows alike in DuckDB and SQLite")


def main():
    root, folder, marts, passing = sys.argv[1:]
    root, folder, marts = pathlib.Path(root), pathlib.Path(folder), pathlib.Path(marts).read_text()
    made = pages(folder / "columns.json", marts, passing.split(","))
    for path, text in made.items():
        if os.environ.get("BLESS"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        stands = (root / path).exists() and (root / path).read_text() == text
        assert stands, f"{path} is not what the schema gives: BLESS=1 writes it"
    there = [path for path in [*root.glob("looker/views/*"), *root.rglob("superset/**/*")] if path.is_file()]
    strange = {str(path.relative_to(root)) for path in there} - set(made)
    assert not strange, strange
    found = relations(folder / "columns.json", marts)
    looker(root, found)
    dbt(root, found)
    duck(root, folder / "warehouse.sqlite", folder / "batches", found)


main()
