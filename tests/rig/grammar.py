"""Reads SQL texts (a JSON list) and prints what sqlfluff's Redshift grammar has against each: a JSON list, null for none."""

import json
import sys

from sqlfluff.core import FluffConfig, Linter

# Without a limit: beyond one, sqlfluff passes over a text in silence.
linter = Linter(config=FluffConfig(overrides={"dialect": "redshift", "templater": "raw", "large_file_skip_byte_limit": 0}))
found = []
for sql in json.load(sys.stdin):
    parsed = linter.parse_string(sql)
    complaints = [f"line {each.line_no}, column {each.line_pos}: {each.desc()}" for each in parsed.violations]
    if parsed.tree is None and not complaints:
        complaints = ["not parsed"]
    found.append("\n".join(complaints) or None)
json.dump(found, sys.stdout)
