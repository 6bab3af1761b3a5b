import gzip
import json
import unittest

import zstandard

from redshift import copying
from redshift.tokens import SqlError
from redshift.values import Column

COLUMNS = [Column("name", "varchar", 4, not_null=True), Column("n", "int4")]
START = "COPY t FROM 's3://b/in/' IAM_ROLE default FORMAT AS JSON 'auto' "


class Objects:
    """Objects of one bucket `b`."""

    def __init__(self, **objects):
        self.objects = {key.replace("__", "/"): body for key, body in objects.items()}

    def get(self, bucket, key):
        return self.objects.get(key) if bucket == "b" else None

    def list(self, bucket, prefix):
        return [key for key in sorted(self.objects) if key.startswith(prefix)]


def load(body, options="", columns=COLUMNS):
    """Result and rows of a COPY of one object."""
    return copying.run(copying.parse(START + options), columns, Objects(in__1=body), lambda role: None)


def manifest(*entries):
    return json.dumps({"entries": list(entries)}).encode()


class Rows(unittest.TestCase):
    # Options, lines, rows expected, and (line, column, code) of the errors.
    CASES = [
        ("", '{"name":"a","n":1}\n{"n":"2","name":"b","more":[{}]}', [["a", "1"], ["b", "2"]], []),
        ("", '{"name":"a"}{"name":"b"}\n\n  {"name":\n"c"}', [["a", None], ["b", None], ["c", None]], []),
        ("", '{"Name":"a"}', [], [(1, "name", 1213)]),
        ("MAXERROR 9", '{"name":"a"}\n{"name":"abcde"}\n{"name":"b","n":"x"}\n{"name":"c"}', [["a", None], ["c", None]],
         [(2, "name", 1204), (3, "n", 1207)]),
        ("MAXERROR 2", '{"name":"abcde"}\n{"name":"a"}\n{"name":"abcde"}\n{"name":"b"}', None, [(1, "name", 1204), (3, "name", 1204)]),
        ("MAXERROR 1", '{"name":"abcde"}\n{"name":"a"}', None, [(1, "name", 1204)]),
        ("", '{"name":"abcde"}\n{"name":"a"}', None, [(1, "name", 1204)]),
        # What a broken object swallowed is not guessed: reading goes on with the next line.
        ("MAXERROR 9", '{"name":\n{"name":"b"}\n{"name":"c"}', [["b", None], ["c", None]], [(1, "", 1216)]),
        ("MAXERROR 9", '[1]\n{"name":"c"}', [["c", None]], [(1, "", 1216)]),
        ("MAXERROR 9", '{"name":"a","n":NaN}\n{"name":"c"}', [["c", None]], [(1, "", 1216)]),
        ("TRUNCATECOLUMNS", '{"name":"abcde"}', [["abcd", None]], []),
        ("", "", [], []),
    ]

    def test_every_case(self):
        for options, lines, rows, errors in self.CASES:
            with self.subTest(options=options, lines=lines):
                result, found = load(lines.encode(), options)
                self.assertEqual([(e.line_number, e.column_name, e.code) for e in result.errors], errors)
                fails = rows is None or (errors and "MAXERROR" not in options)
                self.assertEqual(result.failure is not None, bool(fails), result.failure)
                if not fails:
                    self.assertEqual(found, rows)

    def test_bytes_that_are_not_utf_8(self):
        body = b'{"name":"a"}\n{"name":"\xff"}\n{"name":"b"}'
        result, rows = load(body, "MAXERROR 9")
        self.assertEqual(([error.code for error in result.errors], rows), ([1220], [["a", None], ["b", None]]))
        result, rows = load(body, "ACCEPTINVCHARS")
        self.assertEqual((result.errors, rows[1]), ([], ["?", None]))
        result, rows = load(b'{"name":"\\ud800"}', "MAXERROR 9")
        self.assertEqual([error.code for error in result.errors], [1220])

    def test_a_row_of_more_than_4_mb(self):
        result, _ = load(b'{"name":"a","more":"' + b"x" * copying.MAX_ROW_BYTES + b'"}', "MAXERROR 9")
        self.assertEqual([error.code for error in result.errors], [1224])

    def test_column_list_chooses_and_orders(self):
        copy = copying.parse("COPY t (n, name) FROM 's3://b/in/' IAM_ROLE default JSON 'auto'")
        _, rows = copying.run(copy, COLUMNS, Objects(in__1=b'{"name":"a","n":1}'), lambda role: None)
        self.assertEqual(rows, [["1", "a"]])


class Files(unittest.TestCase):
    def test_compression_must_be_as_said(self):
        line = b'{"name":"a"}'
        twice = gzip.compress(line) + gzip.compress(line)
        self.assertEqual(load(twice, "GZIP")[1], [["a", None]] * 2)
        self.assertEqual(load(zstandard.compress(line), "ZSTD")[1], [["a", None]])
        for body, options in [(line, "GZIP"), (line, "ZSTD"), (gzip.compress(line)[:-9], "GZIP"), (gzip.compress(line), "ZSTD")]:
            with self.subTest(body=body, options=options):
                self.assertIn("Problem decompressing", load(body, options)[0].failure)
        self.assertEqual(load(gzip.compress(line))[0].errors[0].code, 1216)

    def test_manifests(self):
        def of(*entries, **more):
            objects = Objects(m=manifest(*entries), x=b'{"name":"x"}', xy=b'{"name":"xy"}', **more)
            copy = copying.parse("COPY t FROM 's3://b/m' IAM_ROLE default MANIFEST JSON 'auto'")
            return copying.run(copy, COLUMNS, objects, lambda role: None)

        x, gone = {"url": "s3://b/x", "mandatory": True}, {"url": "s3://b/gone"}
        self.assertEqual(of(x)[1], [["x", None]], "a key, not a prefix")
        self.assertEqual(of(x, gone)[1], [["x", None]], "mandatory is false unless said")
        self.assertIn("Mandatory url is not present", of(x, gone | {"mandatory": True})[0].failure)
        self.assertIn("No files found", of(gone)[0].failure)
        self.assertIn("KeyError", of({"mandatory": True})[0].failure)
        self.assertIn("Invalid S3 URL", of({"url": "https://b/x"})[0].failure)

    def test_a_prefix_takes_all_below(self):
        copy = copying.parse(START)
        objects = Objects(in__1=b'{"name":"1"}', in__2=b'{"name":"2"}', out=b"x")
        self.assertEqual(len(copying.run(copy, COLUMNS, objects, lambda role: None)[1]), 2)
        self.assertIn("does not exist", copying.run(copy, COLUMNS, Objects(), lambda role: None)[0].failure)

    def test_a_role_may_be_refused(self):
        def refuse(role):
            raise copying.Failed(f"no {role}")

        self.assertEqual(copying.run(copying.parse(START), COLUMNS, Objects(in__1=b""), refuse)[0].failure, "no default")


class Options(unittest.TestCase):
    def test_all_that_are_known(self):
        copy = copying.parse(
            "copy S.T (a, \"B\") from 's3://b/k''s' iam_role 'arn:aws:iam::123456789012:role/r' region as 'eu-west-1' manifest "
            "format as json 'auto' zstd timeformat 'epochsecs' dateformat 'auto' maxerror as 5 compupdate off statupdate off "
            "acceptinvchars as '^' truncatecolumns noload;")
        self.assertEqual((copy.table, copy.columns, copy.source), (["s", "t"], ["a", "b"], "s3://b/k's"))
        self.assertEqual((copy.manifest, copy.compression, copy.max_errors, copy.noload), (True, "zstd", 5, True))
        self.assertEqual((copy.timeformat, copy.accept_invalid, copy.truncate), ("epochsecs", "^", True))

    def test_what_is_refused(self):
        for options in ["NONSENSE", "GZIP ZSTD", "MAXERROR 100001", "MAXERROR x", "TIMEFORMAT 'Mon DD'", "CSV", "COMPUPDATE MAYBE",
                        "IAM_ROLE 'me'", "IGNOREHEADER 1", "REGION eu"]:
            with self.subTest(options=options):
                with self.assertRaises(SqlError):
                    copying.parse(START + options)
        for sql in ["COPY t FROM 's3://b/k' JSON 'auto'", "COPY t FROM 's3://b/k' IAM_ROLE default", "COPY t FROM 's3://b' IAM_ROLE default JSON 'auto'",
                    "COPY t FROM 's3://b/k' IAM_ROLE default JSON 's3://b/paths'", "COPY t TO 's3://b/k'", "COPY"]:
            with self.subTest(sql=sql):
                with self.assertRaises(SqlError):
                    copying.parse(sql)


if __name__ == "__main__":
    unittest.main()
