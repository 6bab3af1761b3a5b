"""Reads the exports of a folder by DuckDB: the three formats of a table hold the same rows, and columns have types."""

import json
import sys
from pathlib import Path

import duckdb

folder = Path(sys.argv[1])
duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")


def types(path):
    return {row[0]: row[1] for row in duck.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()}


wanted = {
    "photo_id": "VARCHAR",
    "product_id": "VARCHAR",
    "qr_index": "BIGINT",
    "latitude": "DOUBLE",
    "captured_at": "TIMESTAMP WITH TIME ZONE",
    "captured_local": "TIMESTAMP",
    "local_date": "DATE",
}
scans = types(folder / "scans.parquet")
for name, kind in wanted.items():
    assert scans[name] == kind, (name, scans[name])
# No rejection in here has a version; the column is text all the same.
assert types(folder / "rejections.parquet")["version_id"] == "VARCHAR"


def plain(value):
    """A value of Parquet as the rows write it."""
    if hasattr(value, "isoformat"):
        if not hasattr(value, "hour"):
            return value.isoformat()
        text = value.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return text + "Z" if value.tzinfo else text
    return value


tables = 0
for path in sorted(folder.glob("*.jsonl")):
    told = [json.loads(line) for line in path.read_text().splitlines()]
    answer = duck.execute(f"SELECT * FROM '{path.with_suffix('.parquet')}'")
    names = [column[0] for column in answer.description]
    rows = [dict(zip(names, map(plain, row))) for row in answer.fetchall()]
    assert rows == told, (path.name, next((a, b) for a, b in zip(rows, told) if a != b))
    read = f"read_csv('{path.with_suffix('.csv')}', all_varchar = true, allow_quoted_nulls = false)"
    cells = duck.execute(f"SELECT * FROM {read}").fetchall()
    texts = [[None if value is None else value if isinstance(value, str) else None for value in row.values()] for row in told]
    assert len(cells) == len(told)
    for cell_row, text_row, row in zip(cells, texts, told):
        for cell, text, value in zip(cell_row, text_row, row.values()):
            if text is not None:
                assert cell == text, (path.name, cell, text)
            elif value is None:
                assert cell is None, (path.name, cell)
            else:
                assert float(cell) == float(value), (path.name, cell, value)
    tables += 1
print(tables, "tables alike")
