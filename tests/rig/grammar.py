"""Reads SQL texts (a JSON list) and prints what sqlfluff's Redshift grammar has against each: a JSON list, null for none."""

import json
import multiprocessing
import os
import sys

from sqlfluff.core import FluffConfig, Linter

# Without a limit: beyond one, sqlfluff passes over a text in silence.
linter = Linter(config=FluffConfig(overrides={"dialect": "redshift", "templater": "raw", "large_file_skip_byte_limit": 0}))


def complaints_about(sql):
    parsed = linter.parse_string(sql)
    complaints = [f"line {each.line_no}, column {each.line_pos}: {each.desc()}" for each in parsed.violations]
    if parsed.tree is None and not complaints:
        complaints = ["not parsed"]
    return "\n".join(complaints) or None


if __name__ == "__main__":
    sqls = json.load(sys.stdin)
    # One by one: some take a hundred times as long as others.
    with multiprocessing.Pool(max(1, min(os.cpu_count() or 1, len(sqls)))) as pool:
        found = pool.map(complaints_about, sqls, chunksize=1)
    json.dump(found, sys.stdout)
