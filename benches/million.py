#!/usr/bin/env python3
"""Grows a warehouse to ROWS scans by copies of its own: million.py WAREHOUSE [ROWS].

Each copy has ids of its own, as long as real ones, and lies some days before the one it was made of, so that days, photos and
loads grow alike. Nothing but Python's own sqlite3 is needed."""
import sqlite3
import sys

path, wanted = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
warehouse = sqlite3.connect(path)
warehouse.execute("PRAGMA synchronous = OFF")
columns = [row[1] for row in warehouse.execute("PRAGMA table_info(scans)")]
have = warehouse.execute("SELECT COUNT(*) FROM scans").fetchone()[0]
if have == 0:
    sys.exit(f"{path} has no scans to copy")
days_apart = 37
for copy in range(1, -(-wanted // have)):
    made = {
        "scan_id": f"printf('%08x', {copy}) || substr(scan_id, 9)",
        "photo_id": f"printf('%08x', {copy}) || substr(photo_id, 9)",
        "local_date": f"date(local_date, '-{copy % 50 * days_apart} days')",
        "captured_at": f"strftime('%Y-%m-%d %H:%M:%f', captured_at, '-{copy % 50 * days_apart} days')",
        "captured_local": f"strftime('%Y-%m-%d %H:%M:%f', captured_local, '-{copy % 50 * days_apart} days')",
        "h3_cell": "h3_cell",
    }
    select = ", ".join(made.get(column, column) for column in columns)
    warehouse.execute(f"INSERT INTO scans ({', '.join(columns)}) SELECT {select} FROM scans WHERE rowid <= {have} LIMIT {wanted - copy * have}")
warehouse.commit()
warehouse.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(warehouse.execute("SELECT COUNT(*), COUNT(DISTINCT photo_id), COUNT(DISTINCT local_date) FROM scans").fetchone())
