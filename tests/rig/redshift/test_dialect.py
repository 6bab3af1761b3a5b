import unittest

from redshift.dialect import translate
from redshift.tokens import SqlError

# Redshift's statement, and parts that PostgreSQL's must have.
TAKEN = [
    ("CREATE TABLE t (a INTEGER ENCODE az64) DISTSTYLE AUTO SORTKEY (a)", 'CREATE TABLE "t" ("a" int4)'),
    ("CREATE TABLE IF NOT EXISTS s.t (A DOUBLE PRECISION DISTKEY) COMPOUND SORTKEY (a);", 'TABLE IF NOT EXISTS "s"."t" ("a" float8)'),
    ("CREATE TABLE t (a VARCHAR(3))", "varchar(3) CONSTRAINT \"bytes_a\" CHECK (octet_length(\"a\") <= 3)"),
    ("CREATE TABLE t (a VARCHAR(MAX))", "varchar(65535)"),
    ("CREATE TABLE t (a VARCHAR, b TEXT)", '"b" varchar(256)'),
    ("CREATE TABLE t (a SUPER)", '"a" jsonb'),
    ("CREATE TABLE t (a INT, b INT UNIQUE, PRIMARY KEY (a))", '("a" int4 NOT NULL, "b" int4)'),
    ("CREATE TABLE t (a INT PRIMARY KEY)", '("a" int4 NOT NULL)'),
    ("CREATE TABLE t (a INT REFERENCES o (b), FOREIGN KEY (a) REFERENCES o (b))", '("a" int4)'),
    ("CREATE TABLE t (a BIGINT IDENTITY(1, 2))", "GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 2)"),
    ("CREATE TABLE t (a TIMESTAMP DEFAULT SYSDATE NOT NULL)", "DEFAULT sysdate() NOT NULL"),
    ("CREATE TABLE t (a DECIMAL(10, 2), b DECIMAL)", '"a" numeric(10, 2), "b" numeric(18, 0)'),
    ("CREATE TEMP TABLE s (LIKE t)", 'CREATE TEMP TABLE "s" (LIKE "t" INCLUDING CONSTRAINTS)'),
    ("CREATE TABLE #s (a INT)", 'CREATE TEMP TABLE "#s"'),
    ("SELECT NVL(a, 1), SYSDATE, GETDATE() FROM t", "coalesce(a, 1), sysdate(), GETDATE()"),
    ("SELECT DATEDIFF(day, a, b) FROM t", "DATEDIFF('day', a, b)"),
    ('SELECT "Mixed" FROM t', '"mixed"'),
    ("SELECT a::VARCHAR(MAX), CAST(b AS SUPER) FROM t -- GETDATE", "a::VARCHAR(65535), CAST(b AS jsonb)"),
    ("SELECT MAX(a) FROM t", "MAX(a)"),
    ("SELECT SUM(a) OVER (PARTITION BY b), RANK() OVER (ORDER BY a) FROM t", "RANK()"),
    ("SELECT SUM(a) OVER (ORDER BY b ROWS UNBOUNDED PRECEDING) FROM t", "ROWS"),
    ("SELECT 'on conflict returning' FROM t", "on conflict"),
    ("DELETE FROM s USING t WHERE s.a = t.a", "DELETE FROM s USING t"),
    ("ALTER TABLE t ADD COLUMN b VARCHAR(8) ENCODE zstd", 'ADD COLUMN "b" varchar(8)'),
    ("LOCK TABLE a, b", "LOCK TABLE a, b"),
    ("SET statement_timeout TO 1000", "SET statement_timeout TO 1000"),
    ("VACUUM DELETE ONLY t", 'VACUUM "t"'),
    ("CREATE OR REPLACE VIEW v AS SELECT ST_SetSRID(ST_Point(x, y), 4326) AS p FROM t", "ST_Point"),
]

REFUSED = [
    "SELECT 1; SELECT 2",
    "CREATE INDEX i ON t (a)",
    "CREATE TABLE t (a JSONB)",
    "CREATE TABLE t (a UUID)",
    "CREATE TABLE t (a VARCHAR(70000))",
    "CREATE TABLE t (a INT) DISTSTYLE SOMETIMES",
    "CREATE TABLE t (a INT) SORTKEY (b)",
    "CREATE TABLE t (a SUPER) SORTKEY (a)",
    "CREATE TABLE t (a INT) WITH (fillfactor = 10)",
    "CREATE TABLE t (a INT CHECK (a > 0))",
    "CREATE MATERIALIZED VIEW v AS SELECT 1",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS b INT",
    "ALTER TABLE t ADD COLUMN b INT, ADD COLUMN c INT",
    "ALTER TABLE t ADD COLUMN b INT NOT NULL",
    "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO t VALUES (1) RETURNING a",
    "DELETE FROM t AS x WHERE x.a = 1",
    "SELECT * FROM (VALUES (1)) AS v",
    "SELECT DISTINCT ON (a) a FROM t",
    "SELECT COUNT(*) FILTER (WHERE a > 1) FROM t",
    "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
    "SELECT SUM(a) OVER (ORDER BY b) FROM t",
    "SELECT a FROM t WHERE a IS DISTINCT FROM 1",
    "SELECT a FROM t FOR UPDATE",
    "SELECT a::jsonb FROM t",
    "SELECT E'x' FROM t",
    "SELECT * FROM stl_load_errors",
    "MERGE INTO t USING s ON t.a = s.a REMOVE DUPLICATES",
    "UNLOAD ('SELECT 1') TO 's3://b/k'",
    "SET enable_case_sensitive_identifier TO true",
    "",
]


class Dialect(unittest.TestCase):
    def test_what_is_taken(self):
        for sql, part in TAKEN:
            with self.subTest(sql=sql):
                self.assertIn(part, " ".join(translate(sql).sql.split()))

    def test_what_is_refused(self):
        for sql in REFUSED:
            with self.subTest(sql=sql):
                with self.assertRaises(SqlError):
                    translate(sql)

    def test_who_locks_what(self):
        for sql, target in [("INSERT INTO T SELECT 1", '"t"'), ("DELETE FROM s.t", '"s"."t"'), ("UPDATE t SET a = 1", '"t"'),
                            ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", '"t"')]:
            self.assertEqual(translate(sql).target, target)

    def test_clusters_have_the_old_views(self):
        self.assertEqual(translate("SELECT * FROM stl_load_errors", is_serverless=False).kind, "select")


if __name__ == "__main__":
    unittest.main()
