-- The tables of version 3, and two of its views.
PRAGMA application_id = 1396919628;
PRAGMA user_version = 3;

CREATE TABLE IF NOT EXISTS scans (
  scan_id TEXT NOT NULL,
  photo_id TEXT NOT NULL,
  batch_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  bucket TEXT NOT NULL,
  object_key TEXT NOT NULL,
  version_id TEXT,
  etag TEXT,
  size_bytes INTEGER,
  sequencer TEXT,
  uploaded_at TEXT,
  processed_at TEXT NOT NULL,
  engine_version TEXT NOT NULL,
  payload TEXT NOT NULL,
  payload_kind TEXT NOT NULL,
  text_encoding TEXT,
  symbology TEXT,
  product_url TEXT,
  url_host TEXT,
  url_path TEXT,
  product_id TEXT,
  product_id_source TEXT,
  url_count INTEGER,
  gtin TEXT,
  utm_source TEXT,
  utm_medium TEXT,
  utm_campaign TEXT,
  captured_at TEXT,
  captured_local TEXT,
  utc_offset_minutes INTEGER,
  captured_at_source TEXT NOT NULL,
  local_date TEXT,
  local_hour INTEGER,
  local_weekday INTEGER,
  latitude REAL,
  longitude REAL,
  altitude_m REAL,
  geo_source TEXT NOT NULL,
  h3_cell TEXT,
  camera_make TEXT,
  camera_model TEXT,
  qr_index INTEGER NOT NULL,
  qr_count INTEGER NOT NULL,
  more_codes_likely INTEGER,
  qr_version INTEGER,
  ecc_level TEXT,
  ecc_used REAL,
  part_index INTEGER,
  part_count INTEGER,
  part_parity INTEGER,
  rung TEXT NOT NULL,
  decode_ms REAL NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  format TEXT NOT NULL,
  PRIMARY KEY (photo_id, scan_id)
) STRICT;

CREATE TABLE IF NOT EXISTS rejections (
  photo_id TEXT NOT NULL,
  batch_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  bucket TEXT NOT NULL,
  object_key TEXT NOT NULL,
  version_id TEXT,
  etag TEXT,
  size_bytes INTEGER,
  sequencer TEXT,
  uploaded_at TEXT,
  processed_at TEXT NOT NULL,
  engine_version TEXT NOT NULL,
  stage TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (photo_id)
) STRICT;

CREATE INDEX IF NOT EXISTS scans_object_key ON scans (bucket, object_key);
CREATE INDEX IF NOT EXISTS rejections_object_key ON rejections (bucket, object_key);
CREATE INDEX IF NOT EXISTS scans_processed_at ON scans (processed_at);
CREATE INDEX IF NOT EXISTS rejections_processed_at ON rejections (processed_at);

CREATE TABLE IF NOT EXISTS load_ledger (
  batch_id TEXT NOT NULL PRIMARY KEY,
  manifest_id TEXT NOT NULL,
  bucket TEXT NOT NULL,
  object_key TEXT NOT NULL,
  row_count INTEGER NOT NULL,
  photo_count INTEGER NOT NULL,
  sealed_at TEXT,
  loaded_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW warehouse_schema AS
SELECT CAST(3 AS BIGINT) AS schema_version;
CREATE VIEW mart_day AS
SELECT local_date, scans, photos, products,
       CAST(SUM(scans) OVER (ORDER BY local_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT)
         AS scans_so_far
FROM (
  SELECT local_date, CAST(COUNT(*) AS BIGINT) AS scans,
         CAST(SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS BIGINT) AS photos,
         CAST(COUNT(DISTINCT product_id) AS BIGINT) AS products
  FROM scans
  WHERE local_date IS NOT NULL
  GROUP BY local_date
) AS scan_day;
