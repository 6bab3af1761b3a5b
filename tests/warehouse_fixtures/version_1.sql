-- scanmill warehouse, schema version 1, SQLite

PRAGMA application_id = 1396919628;
PRAGMA user_version = 1;

CREATE TABLE IF NOT EXISTS scans (
  scan_id TEXT NOT NULL, -- hash of photo_id, payload and its repeat count
  photo_id TEXT NOT NULL, -- hash of bucket, key and version id or eTag
  batch_id TEXT NOT NULL, -- sealed batch that carried the row
  revision INTEGER NOT NULL, -- 0; a deliberate replay is higher and replaces the photo's rows
  bucket TEXT NOT NULL, -- bucket or folder of the photo
  object_key TEXT NOT NULL, -- key of the photo, decoded
  version_id TEXT, -- object version, on versioned buckets
  etag TEXT, -- eTag of the bytes that were read
  size_bytes INTEGER, -- size of the object
  sequencer TEXT, -- S3's order of events on one key
  uploaded_at TEXT, -- when the upload happened
  processed_at TEXT NOT NULL, -- when the engine finished with the photo
  engine_version TEXT NOT NULL, -- scanmill version that made the row
  payload TEXT NOT NULL, -- text of the code; secrets redacted
  payload_kind TEXT NOT NULL, -- url, gs1_digital_link, geo, wifi, text and so on
  product_url TEXT, -- normalised URL without tracking parameters
  url_host TEXT, -- host, lower case, punycode
  url_path TEXT, -- path of the normalised URL
  product_id TEXT, -- GTIN, shop id or last path segment
  gtin TEXT, -- GTIN-14 whose check digit is right
  utm_source TEXT, -- utm_source of the URL
  utm_medium TEXT, -- utm_medium of the URL
  utm_campaign TEXT, -- utm_campaign of the URL
  captured_at TEXT, -- when the photo was taken; null when its offset is unknown
  captured_local TEXT, -- the camera's wall clock
  utc_offset_minutes INTEGER, -- minutes east of UTC
  captured_at_source TEXT NOT NULL, -- where the time came from and how its offset is known
  local_date TEXT, -- day of captured_local
  local_hour INTEGER, -- hour of captured_local, 0 to 23
  local_weekday INTEGER, -- weekday of captured_local, 1 Monday to 7 Sunday
  latitude REAL, -- degrees north
  longitude REAL, -- degrees east
  altitude_m REAL, -- metres above sea level
  geo_source TEXT NOT NULL, -- exif_gps, none, or refused and why
  h3_cell TEXT, -- H3 cell at resolution 7 (about 5 km2), hex
  camera_make TEXT, -- camera maker
  camera_model TEXT, -- camera model
  qr_index INTEGER NOT NULL, -- place of the code in the photo, from 0, top to bottom
  qr_count INTEGER NOT NULL, -- codes read in the photo
  qr_version INTEGER, -- QR version, 1 to 40
  ecc_level TEXT, -- error correction level L, M, Q or H
  ecc_used REAL, -- share of the error correction used: 0 none, 1 all
  rung TEXT NOT NULL, -- rung of the decode ladder that read it
  decode_ms REAL NOT NULL, -- CPU milliseconds spent decoding the photo
  width INTEGER NOT NULL, -- photo width in pixels
  height INTEGER NOT NULL, -- photo height in pixels
  format TEXT NOT NULL, -- jpeg, png, webp, gif, bmp, tiff or heic
  PRIMARY KEY (photo_id, scan_id)
) STRICT;

CREATE TABLE IF NOT EXISTS rejections (
  photo_id TEXT NOT NULL, -- hash of bucket, key and version id or eTag
  batch_id TEXT NOT NULL, -- sealed batch that carried the row
  revision INTEGER NOT NULL, -- 0; a deliberate replay is higher and replaces the photo's rows
  bucket TEXT NOT NULL, -- bucket or folder of the photo
  object_key TEXT NOT NULL, -- key of the photo, decoded
  version_id TEXT, -- object version, on versioned buckets
  etag TEXT, -- eTag of the bytes that were read
  size_bytes INTEGER, -- size of the object
  sequencer TEXT, -- S3's order of events on one key
  uploaded_at TEXT, -- when the upload happened
  processed_at TEXT NOT NULL, -- when the engine finished with the photo
  engine_version TEXT NOT NULL, -- scanmill version that made the row
  stage TEXT NOT NULL, -- notify, fetch, guard, decode or load
  reason TEXT NOT NULL, -- typed reason
  detail TEXT NOT NULL, -- figures and limits for people
  PRIMARY KEY (photo_id)
) STRICT;

CREATE INDEX IF NOT EXISTS scans_object_key ON scans (bucket, object_key);
CREATE INDEX IF NOT EXISTS rejections_object_key ON rejections (bucket, object_key);
CREATE INDEX IF NOT EXISTS scans_processed_at ON scans (processed_at);
CREATE INDEX IF NOT EXISTS rejections_processed_at ON rejections (processed_at);

CREATE TABLE IF NOT EXISTS load_ledger (
  batch_id TEXT NOT NULL PRIMARY KEY, -- sealed batch; the id begins with the time it was opened
  manifest_id TEXT NOT NULL, -- load that took it
  bucket TEXT NOT NULL, -- bucket or folder of the batch object
  object_key TEXT NOT NULL, -- key of the batch object
  row_count INTEGER NOT NULL, -- rows in the object, repeated photos included
  photo_count INTEGER NOT NULL, -- photos in the object
  sealed_at TEXT, -- when the object became durable, UTC; null when adopted from a listing
  loaded_at TEXT NOT NULL -- when the load took it, UTC
) STRICT, WITHOUT ROWID;

-- scanmill marts: ready views for analysts.
-- Run verbatim on SQLite and on Redshift: GROUP BY and window SQL over columns, no dialect's functions. No view builds
-- on another, so each can be dropped alone. Counts called "photos" count photos, "scans" count codes read in them.
-- Days, hours and weekdays are those of the camera's own wall clock (local_date, local_hour, local_weekday).
-- Each photo with scans has exactly one with qr_index 0, so where rows are grouped by what all codes of a photo share,
-- those are counted as its photos; where codes of one photo may differ, it takes COUNT(DISTINCT photo_id).

-- Which version of tables and marts stands here? (commands ask before they read)
DROP VIEW IF EXISTS warehouse_schema;
CREATE VIEW warehouse_schema AS
SELECT 1 AS schema_version;

-- What became of each photo? One row a photo, scanned or rejected.
DROP VIEW IF EXISTS mart_photo;
CREATE VIEW mart_photo AS
SELECT photo_id, bucket, object_key, revision, uploaded_at, processed_at, batch_id,
       'scanned' AS outcome, qr_count AS codes, CAST(NULL AS VARCHAR(32)) AS reason
FROM scans
WHERE qr_index = 0
UNION ALL
SELECT photo_id, bucket, object_key, revision, uploaded_at, processed_at, batch_id,
       'rejected' AS outcome, 0 AS codes, reason
FROM rejections;
