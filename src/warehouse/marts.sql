-- scanmill marts: ready views for analysts.
-- Run verbatim on SQLite and on Redshift: GROUP BY and window SQL over columns, no dialect's functions. No view builds
-- on another, so each can be dropped alone. Counts called "photos" count photos, "scans" count codes read in them.
-- Days, hours and weekdays are those of the camera's own wall clock (local_date, local_hour, local_weekday).
-- Each photo with scans has exactly one with qr_index 0, so where rows are grouped by what all codes of a photo share,
-- those are counted as its photos. Where codes of one photo may differ, photos of one code are counted as they come and
-- only those of several by COUNT(DISTINCT photo_id), which sorts what it counts.

-- Which version of tables and marts stands here? (commands ask before they read)
DROP VIEW IF EXISTS warehouse_schema;
CREATE VIEW warehouse_schema AS
SELECT 3 AS schema_version;

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

-- Which products are scanned most, over all time, in how many places? (codes that name no product are left out)
DROP VIEW IF EXISTS mart_product;
CREATE VIEW mart_product AS
SELECT product_id, product_id_source, url_host, scans, photos, places, first_local_date, last_local_date,
       RANK() OVER (ORDER BY scans DESC) AS place_by_scans,
       1.0 * scans / SUM(scans) OVER () AS share
FROM (
  SELECT product_id, MIN(product_id_source) AS product_id_source, url_host, COUNT(*) AS scans,
         SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
           + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS photos, COUNT(DISTINCT h3_cell) AS places,
         MIN(local_date) AS first_local_date, MAX(local_date) AS last_local_date
  FROM scans
  WHERE product_id IS NOT NULL
  GROUP BY product_id, url_host
) AS product;

-- How often was each product scanned on each day, and which led the day? (top ten of a day: place_on_day <= 10)
DROP VIEW IF EXISTS mart_product_day;
CREATE VIEW mart_product_day AS
SELECT local_date, product_id, url_host, scans, photos,
       RANK() OVER (PARTITION BY local_date ORDER BY scans DESC) AS place_on_day
FROM (
  SELECT local_date, product_id, url_host, COUNT(*) AS scans, SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
           + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS photos
  FROM scans
  WHERE product_id IS NOT NULL AND local_date IS NOT NULL
  GROUP BY local_date, product_id, url_host
) AS product_day;

-- Is a product rising or falling? Its last seven days with scans against the seven before (growth above 1: rising;
-- null until there are days before). Days without any scan of the product have no row and do not count.
DROP VIEW IF EXISTS mart_product_trend;
CREATE VIEW mart_product_trend AS
SELECT product_id, url_host, local_date, scans, scans_7_days, scans_7_days_before,
       1.0 * scans_7_days / scans_7_days_before AS growth
FROM (
  SELECT product_id, url_host, local_date, scans,
         SUM(scans) OVER (PARTITION BY product_id, url_host ORDER BY local_date
                          ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS scans_7_days,
         SUM(scans) OVER (PARTITION BY product_id, url_host ORDER BY local_date
                          ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING) AS scans_7_days_before
  FROM (
    SELECT product_id, url_host, local_date, COUNT(*) AS scans
    FROM scans
    WHERE product_id IS NOT NULL AND local_date IS NOT NULL
    GROUP BY product_id, url_host, local_date
  ) AS product_day
) AS windowed;

-- Which product-days are out of line? A day is unusual when it lies more than three standard deviations from the
-- product's own mean (z_squared above 9; squared, because not every SQL has a square root). Needs seven days.
DROP VIEW IF EXISTS mart_product_anomaly;
CREATE VIEW mart_product_anomaly AS
SELECT product_id, url_host, local_date, scans, mean_scans,
       (scans - mean_scans) * (scans - mean_scans) / (mean_square - mean_scans * mean_scans) AS z_squared,
       CASE WHEN (scans - mean_scans) * (scans - mean_scans) > 9 * (mean_square - mean_scans * mean_scans)
            THEN 1 ELSE 0 END AS unusual
FROM (
  SELECT product_id, url_host, local_date, scans,
         AVG(1.0 * scans) OVER (PARTITION BY product_id, url_host) AS mean_scans,
         AVG(1.0 * scans * scans) OVER (PARTITION BY product_id, url_host) AS mean_square,
         COUNT(*) OVER (PARTITION BY product_id, url_host) AS days
  FROM (
    SELECT product_id, url_host, local_date, COUNT(*) AS scans
    FROM scans
    WHERE product_id IS NOT NULL AND local_date IS NOT NULL
    GROUP BY product_id, url_host, local_date
  ) AS product_day
) AS spread
WHERE days >= 7 AND mean_square > mean_scans * mean_scans;

-- How many scans a day, and how many so far?
DROP VIEW IF EXISTS mart_day;
CREATE VIEW mart_day AS
SELECT local_date, scans, photos, products,
       SUM(scans) OVER (ORDER BY local_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS scans_so_far
FROM (
  SELECT local_date, COUNT(*) AS scans, SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS photos,
         COUNT(DISTINCT product_id) AS products
  FROM scans
  WHERE local_date IS NOT NULL
  GROUP BY local_date
) AS scan_day;

-- At which hours of which weekdays do people scan? (1 Monday to 7 Sunday; share of the dated scans)
DROP VIEW IF EXISTS mart_hour_weekday;
CREATE VIEW mart_hour_weekday AS
SELECT local_weekday, local_hour, scans, 1.0 * scans / SUM(scans) OVER () AS share
FROM (
  SELECT local_weekday, local_hour, COUNT(*) AS scans
  FROM scans
  WHERE local_hour IS NOT NULL AND local_weekday IS NOT NULL
  GROUP BY local_weekday, local_hour
) AS hour_weekday;

-- Where do people scan? One row an H3 cell of resolution 7, with the mean position of its scans for a map's marker.
DROP VIEW IF EXISTS mart_h3_map;
CREATE VIEW mart_h3_map AS
SELECT h3_cell, COUNT(*) AS scans, SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS photos,
       COUNT(DISTINCT product_id) AS products,
       AVG(latitude) AS latitude, AVG(longitude) AS longitude,
       MIN(captured_local) AS first_captured_local, MAX(captured_local) AS last_captured_local
FROM scans
WHERE h3_cell IS NOT NULL
GROUP BY h3_cell;

-- How does each campaign run, day by day, and how many scans has it brought so far?
DROP VIEW IF EXISTS mart_campaign_day;
CREATE VIEW mart_campaign_day AS
SELECT utm_campaign, utm_source, utm_medium, local_date, scans, products, places,
       SUM(scans) OVER (PARTITION BY utm_campaign, utm_source, utm_medium ORDER BY local_date
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS scans_so_far
FROM (
  SELECT utm_campaign, utm_source, utm_medium, local_date, COUNT(*) AS scans,
         COUNT(DISTINCT product_id) AS products, COUNT(DISTINCT h3_cell) AS places
  FROM scans
  WHERE utm_campaign IS NOT NULL AND local_date IS NOT NULL
  GROUP BY utm_campaign, utm_source, utm_medium, local_date
) AS campaign_day;

-- Does a campaign lift its product? All scans of the product on days the campaign was seen, against its other days
-- (lift above 1: more scans a day; null when there is no other day). Days without any scan of the product do not count.
DROP VIEW IF EXISTS mart_campaign_lift;
CREATE VIEW mart_campaign_lift AS
SELECT utm_campaign, product_id, campaign_days, other_days,
       1.0 * campaign_scans / campaign_days AS scans_per_campaign_day,
       1.0 * other_scans / NULLIF(other_days, 0) AS scans_per_other_day,
       1.0 * campaign_scans * other_days / NULLIF(1.0 * other_scans * campaign_days, 0) AS lift
FROM (
  SELECT pair.utm_campaign, pair.product_id,
         COUNT(seen.local_date) AS campaign_days,
         COUNT(*) - COUNT(seen.local_date) AS other_days,
         SUM(CASE WHEN seen.local_date IS NOT NULL THEN product_day.scans ELSE 0 END) AS campaign_scans,
         SUM(CASE WHEN seen.local_date IS NULL THEN product_day.scans ELSE 0 END) AS other_scans
  FROM (
    SELECT DISTINCT utm_campaign, product_id
    FROM scans
    WHERE utm_campaign IS NOT NULL AND product_id IS NOT NULL AND local_date IS NOT NULL
  ) AS pair
  JOIN (
    SELECT product_id, local_date, COUNT(*) AS scans
    FROM scans
    WHERE product_id IS NOT NULL AND local_date IS NOT NULL
    GROUP BY product_id, local_date
  ) AS product_day ON product_day.product_id = pair.product_id
  LEFT JOIN (
    SELECT DISTINCT utm_campaign, product_id, local_date
    FROM scans
    WHERE utm_campaign IS NOT NULL AND product_id IS NOT NULL AND local_date IS NOT NULL
  ) AS seen ON seen.utm_campaign = pair.utm_campaign AND seen.product_id = pair.product_id
           AND seen.local_date = product_day.local_date
  GROUP BY pair.utm_campaign, pair.product_id
) AS compared;

-- What do people scan with, and how hard are those photos? (decode_ms is per photo)
DROP VIEW IF EXISTS mart_device;
CREATE VIEW mart_device AS
SELECT camera_make, camera_model, COUNT(*) AS photos, SUM(qr_count) AS scans, AVG(decode_ms) AS mean_decode_ms,
       1.0 * SUM(CASE WHEN latitude IS NOT NULL THEN 1 ELSE 0 END) / COUNT(*) AS share_with_place,
       1.0 * SUM(CASE WHEN captured_at IS NOT NULL THEN 1 ELSE 0 END) / COUNT(*) AS share_with_instant
FROM scans
WHERE qr_index = 0
GROUP BY camera_make, camera_model;

-- Which rung of the decode ladder reads the codes, and what do the photos it wins cost? (mean_decode_ms: CPU of the
-- whole photo, all rungs, over the photos whose first code this rung read)
DROP VIEW IF EXISTS mart_rung;
CREATE VIEW mart_rung AS
SELECT rung, codes, photos, 1.0 * codes / SUM(codes) OVER () AS share, mean_decode_ms
FROM (
  SELECT rung, COUNT(*) AS codes, SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
           + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS photos,
         AVG(CASE WHEN qr_index = 0 THEN decode_ms END) AS mean_decode_ms
  FROM scans
  GROUP BY rung
) AS rung_won;

-- What kinds of payload come in, and from which hosts?
DROP VIEW IF EXISTS mart_payload;
CREATE VIEW mart_payload AS
SELECT payload_kind, url_host, COUNT(*) AS scans, SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
           + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS photos,
       COUNT(DISTINCT payload) AS payloads
FROM scans
GROUP BY payload_kind, url_host;

-- Why did photos give no scan, and since when?
DROP VIEW IF EXISTS mart_rejections;
CREATE VIEW mart_rejections AS
SELECT stage, reason, photos, 1.0 * photos / SUM(photos) OVER () AS share, first_processed_at, last_processed_at
FROM (
  SELECT stage, reason, COUNT(*) AS photos,
         MIN(processed_at) AS first_processed_at, MAX(processed_at) AS last_processed_at
  FROM rejections
  GROUP BY stage, reason
) AS rejected;

-- How far may product ids be trusted? Scans by where their id came from: a GTIN passed its check digit, a path is only
-- likely. (null: rows that an older scanmill made)
DROP VIEW IF EXISTS mart_product_id_source;
CREATE VIEW mart_product_id_source AS
SELECT product_id_source, scans, products, 1.0 * scans / SUM(scans) OVER () AS share
FROM (
  SELECT product_id_source, COUNT(*) AS scans, COUNT(DISTINCT product_id) AS products
  FROM scans
  GROUP BY product_id_source
) AS sourced;

-- How far may times and places be trusted? Scans by where their time and their place came from.
DROP VIEW IF EXISTS mart_provenance;
CREATE VIEW mart_provenance AS
SELECT captured_at_source, geo_source, scans, 1.0 * scans / SUM(scans) OVER () AS share
FROM (
  SELECT captured_at_source, geo_source, COUNT(*) AS scans
  FROM scans
  GROUP BY captured_at_source, geo_source
) AS provenance;

-- How fresh is the warehouse, and is it complete? One row. rows_in_batches less rows_standing is what redelivery and
-- replays repeated; it never falls below zero.
DROP VIEW IF EXISTS mart_freshness;
CREATE VIEW mart_freshness AS
SELECT scanned.last_captured_at, photo.last_uploaded_at, photo.last_processed_at, ledger.last_sealed_at,
       ledger.last_loaded_at, ledger.batches, ledger.rows_in_batches, photo.rows_standing
FROM (SELECT MAX(captured_at) AS last_captured_at FROM scans) AS scanned
CROSS JOIN (
  SELECT MAX(uploaded_at) AS last_uploaded_at, MAX(processed_at) AS last_processed_at, COUNT(*) AS rows_standing
  FROM (
    SELECT uploaded_at, processed_at FROM scans
    UNION ALL
    SELECT uploaded_at, processed_at FROM rejections
  ) AS standing
) AS photo
CROSS JOIN (
  SELECT MAX(sealed_at) AS last_sealed_at, MAX(loaded_at) AS last_loaded_at, COUNT(*) AS batches,
         COALESCE(SUM(row_count), 0) AS rows_in_batches
  FROM load_ledger
) AS ledger;
