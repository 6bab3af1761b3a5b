import datetime
import unittest

from redshift import values
from redshift.values import Column, LoadError, Options

# Type, value, and PostgreSQL's text or an error's code.
CASES = [
    (Column("c", "varchar", 4), "abcd", "abcd"),
    (Column("c", "varchar", 4), "äää", 1204),
    (Column("c", "varchar", 4), "", ""),
    (Column("c", "varchar", 4), None, None),
    (Column("c", "varchar", 4), "a\0", 1220),
    (Column("c", "varchar", 9), {"a": [1, 2]}, 1204),
    (Column("c", "varchar", 11), {"a": [1, 2]}, '{"a":[1,2]}'),
    (Column("c", "varchar", 4), True, "true"),
    (Column("c", "varchar", 4, not_null=True), None, 1213),
    (Column("c", "varchar", 4, not_null=True), "", ""),
    (Column("c", "int4"), 12, "12"),
    (Column("c", "int4"), "12", "12"),
    (Column("c", "int4"), "", None),
    (Column("c", "int4", not_null=True), "", 1213),
    (Column("c", "int4"), "1x", 1207),
    (Column("c", "int4"), 1.5, 1207),
    (Column("c", "int4"), "-", 1207),
    (Column("c", "int4"), True, 1207),
    (Column("c", "int4"), 2**31 - 1, "2147483647"),
    (Column("c", "int4"), 2**31, 1204),
    (Column("c", "int8"), -(2**63), "-9223372036854775808"),
    (Column("c", "int8"), 2**63, 1204),
    (Column("c", "int2"), 40000, 1204),
    (Column("c", "float8"), "1.5e3", "1.5e3"),
    (Column("c", "float8"), "1e400", 1204),
    (Column("c", "float8"), "north", 1208),
    (Column("c", "numeric", precision=5, scale=2), "1.239", "1.23"),
    (Column("c", "numeric", precision=5, scale=2), 1000, 1204),
    (Column("c", "numeric", precision=5, scale=2), "x", 1209),
    (Column("c", "bool"), True, "t"),
    (Column("c", "bool"), "no", "f"),
    (Column("c", "bool"), "maybe", 1210),
    (Column("c", "date"), "2026-02-28", "2026-02-28"),
    (Column("c", "date"), "2026-02-30", 1205),
    (Column("c", "timestamp"), "2026-11-22T10:00:00Z", "2026-11-22 10:00:00"),
    (Column("c", "timestamp"), "2026-11-22 10:00:00.123456", "2026-11-22 10:00:00.123456"),
    (Column("c", "timestamp"), "2026-11-22T10:00:00+02:00", "2026-11-22 08:00:00"),
    (Column("c", "timestamp"), "2026-11-22", "2026-11-22 00:00:00"),
    (Column("c", "timestamp"), "22.11.2026", 1206),
    (Column("c", "timestamp"), "2026-11-22T25:00:00Z", 1206),
    (Column("c", "timestamp"), 1795375030, 1206),
    (Column("c", "timestamptz"), "2026-11-22T10:00:00Z", "2026-11-22 10:00:00+00"),
    (Column("c", "jsonb"), {"ä": 1}, '{"ä": 1}'),
    (Column("c", "geometry"), "POINT(1 2)", 1200),
]


class Values(unittest.TestCase):
    def test_every_case(self):
        for column, value, expected in CASES:
            with self.subTest(column=column, value=value):
                try:
                    self.assertEqual(values.to_text(value, column, Options()), expected)
                except LoadError as error:
                    self.assertEqual(error.code, expected, error.message)

    def test_the_digit_at_fault_is_named(self):
        with self.assertRaises(LoadError) as caught:
            values.to_text("12x", Column("c", "int4"), Options())
        self.assertEqual((caught.exception.message, caught.exception.position), ("Invalid digit, Value 'x', Pos 2, Type: Integer", 2))

    def test_truncation_keeps_characters_whole(self):
        self.assertEqual(values.to_text("aää", Column("c", "varchar", 4), Options(truncate=True)), "aä")

    def test_time_formats(self):
        column = Column("c", "timestamp")
        moment = str(datetime.datetime(2026, 11, 22, 19, 17, 10))
        self.assertEqual(values.to_text(1795375030, column, Options("epochsecs")), moment)
        self.assertEqual(values.to_text("1795375030500", column, Options("epochmillisecs")), moment + ".500000")
        self.assertEqual(values.to_text("22/11/2026 19:17:10", column, Options("DD/MM/YYYY HH24:MI:SS")), moment)
        with self.assertRaises(LoadError):
            values.to_text("2026-11-22T19:17:10Z", column, Options("YYYY-MM-DD HH24:MI:SS"))
        self.assertFalse(values.knows_timeformat("Mon DD"))


if __name__ == "__main__":
    unittest.main()
