-- Redshift's functions and system views, as far as scanmill may ask them. Runs once, in the template of all databases.
CREATE SCHEMA standin;

CREATE TABLE standin.layout (table_name text PRIMARY KEY, diststyle text NOT NULL, sortkey text NOT NULL);

CREATE TABLE standin.sys_load_error_detail (
  user_id int, query_id bigint, transaction_id bigint, session_id int, database_name char(64), table_id int,
  start_time timestamp, file_name char(256), line_number bigint, column_name char(127), column_type char(10),
  column_length char(10), position int, error_code int, error_message char(512)
);

CREATE TABLE standin.sys_load_history (
  user_id int, query_id bigint, transaction_id bigint, session_id int, database_name text, status text,
  table_name char(128), start_time timestamp, end_time timestamp, duration bigint, data_source text,
  loaded_rows bigint, loaded_bytes bigint, source_file_count int, source_file_bytes bigint, file_count_scanned int,
  file_bytes_scanned bigint, error_count bigint
);

-- The same errors as provisioned clusters show them.
CREATE VIEW standin.stl_load_errors AS
SELECT user_id AS userid, 0 AS slice, table_id AS tbl, start_time AS starttime, session_id AS session,
       query_id::int AS query, file_name AS filename, line_number, column_name AS colname, column_type AS type,
       column_length AS col_length, position, CAST('' AS char(1024)) AS raw_line,
       CAST('' AS char(1024)) AS raw_field_value, error_code AS err_code, error_message::char(100) AS err_reason
FROM standin.sys_load_error_detail;

CREATE VIEW standin.svv_table_info AS
SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid::int AS table_id,
       c.relname::text AS "table", 'Y'::text AS encoded,
       CASE layout.diststyle WHEN 'AUTO' THEN 'AUTO(EVEN)' ELSE layout.diststyle END AS diststyle,
       CASE layout.sortkey WHEN 'AUTO' THEN 'AUTO(SORTKEY)' ELSE layout.sortkey END AS sortkey1,
       c.reltuples::numeric(38, 0) AS tbl_rows
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN standin.layout AS layout ON layout.table_name = n.nspname || '.' || c.relname
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'standin') AND n.nspname NOT LIKE 'pg\_%';

CREATE VIEW standin.svv_columns AS
SELECT table_catalog::text, table_schema::text, table_name::text, column_name::text, ordinal_position::int,
       column_default::text, is_nullable::text,
       CASE data_type WHEN 'jsonb' THEN 'super' ELSE data_type END::text AS data_type,
       character_maximum_length::int, numeric_precision::int, numeric_precision_radix::int, numeric_scale::int,
       datetime_precision::int
FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'standin');

CREATE VIEW standin.svv_tables AS
SELECT table_catalog::text, table_schema::text, table_name::text, table_type::text, NULL::text AS remarks
FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'standin');

CREATE VIEW standin.pg_table_def AS
SELECT n.nspname::text AS schemaname, c.relname::text AS tablename, a.attname::text AS "column",
       CASE t.typname WHEN 'jsonb' THEN 'super' ELSE format_type(a.atttypid, a.atttypmod) END::text AS type,
       'none'::text AS encoding, COALESCE(l.diststyle = 'KEY(' || a.attname || ')', false) AS distkey,
       CASE WHEN l.sortkey = a.attname THEN 1 ELSE 0 END AS sortkey, a.attnotnull AS "notnull"
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN standin.layout AS l ON l.table_name = n.nspname || '.' || c.relname
WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'standin');

CREATE VIEW standin.stv_db_isolation_level AS
SELECT current_database()::text AS db_name,
       CASE current_setting('transaction_isolation') WHEN 'serializable' THEN 'Serializable' ELSE 'Snapshot Isolation' END
       AS isolation_level;

CREATE FUNCTION standin.getdate() RETURNS timestamp LANGUAGE sql STABLE
AS $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;

CREATE FUNCTION standin.sysdate() RETURNS timestamp LANGUAGE sql STABLE
AS $$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;

CREATE FUNCTION standin.json_parse(document text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT document::jsonb $$;

CREATE FUNCTION standin.dateadd(part text, amount bigint, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT moment + amount * ('1 ' || part)::interval $$;

-- Boundaries crossed, not time passed: datediff(hour, 00:59, 01:00) is 1.
CREATE FUNCTION standin.datediff(part text, earlier timestamp, later timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT CASE
  WHEN part IN ('month', 'mon', 'months') THEN (extract(year FROM later) - extract(year FROM earlier)) * 12
       + extract(month FROM later) - extract(month FROM earlier)
  WHEN part IN ('year', 'years', 'yr') THEN extract(year FROM later) - extract(year FROM earlier)
  ELSE extract(epoch FROM date_trunc(part, later) - date_trunc(part, earlier)) / extract(epoch FROM ('1 ' || part)::interval)
END::bigint $$;

-- What the last COPY of this session did; the stand-in sets it.
CREATE FUNCTION standin.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT COALESCE(NULLIF(current_setting('standin.copy_count', true), ''), '0')::bigint $$;

CREATE FUNCTION standin.pg_last_copy_id() RETURNS int LANGUAGE sql STABLE
AS $$ SELECT COALESCE(NULLIF(current_setting('standin.copy_id', true), ''), '-1')::int $$;

-- A geometry is its text here, so that a view over latitude and longitude can be created and read; no other function
-- of geometry is known.
CREATE DOMAIN standin.geometry AS text;

CREATE FUNCTION standin.st_point(x float8, y float8) RETURNS standin.geometry LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT ('POINT(' || x || ' ' || y || ')')::standin.geometry $$;

CREATE FUNCTION standin.st_setsrid(shape standin.geometry, srid int) RETURNS standin.geometry LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT ('SRID=' || srid || ';' || regexp_replace(shape, '^SRID=[0-9]+;', ''))::standin.geometry $$;

CREATE FUNCTION standin.st_astext(shape standin.geometry) RETURNS text LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT regexp_replace(shape, '^SRID=[0-9]+;', '') $$;
