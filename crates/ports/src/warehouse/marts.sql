-- scanmill marts: ready views for analysts.
-- One text for SQLite and Redshift: GROUP BY and window SQL over columns. Three things are spelled for each by
-- `schema/marts.rs`: DAY_OF, a date's number; DATE_OF, a number's date; and the types of time in CAST, which SQLite has
-- as text. It also spells out JOIN_PRODUCTS, what the table `products` says of the rows of a subquery: product_name,
-- brand and category, null where it says nothing; no row is lost or doubled by it. And COARSE_MEAN, the mean of degrees
-- to a hundredth: a row may be of one scan, and no mart gives anyone's position; and PRODUCT_DAYS, each product's days
-- with scans, in its calendar: the 366 days that end with its last one. A camera whose clock fell back to 2000 would
-- otherwise fill decades with days without a scan, which are what lift, growth and unusual days are measured by. Every computed column has a CAST, so
-- that it has a type for whoever lists the columns, and means and ratios are not cut to the scale of a decimal. No view builds on
-- another, so each can be dropped alone.
-- Counts called "photos" count photos, "scans" count codes read in them.
-- Days, hours and weekdays are those of the camera's own wall clock (local_date, local_hour, local_weekday).
-- Each photo with scans has exactly one with qr_index 0, so where rows are grouped by what all codes of a photo share,
-- those are counted as its photos. Where codes of one photo may differ, photos of one code are counted as they come and
-- only those of several by COUNT(DISTINCT photo_id), which sorts what it counts.

-- Which version of tables and marts stands here? (commands ask before they read)
DROP VIEW IF EXISTS warehouse_schema;
CREATE VIEW warehouse_schema AS
SELECT CAST(7 AS BIGINT) AS schema_version;

-- What became of each photo? One row a photo, scanned or rejected.
DROP VIEW IF EXISTS mart_photo;
CREATE VIEW mart_photo AS
SELECT photo_id, bucket, object_key, revision, uploaded_at, processed_at, batch_id,
       CAST('scanned' AS VARCHAR(8)) AS outcome, qr_count AS codes, CAST(NULL AS VARCHAR(32)) AS reason
FROM scans
WHERE qr_index = 0
UNION ALL
SELECT photo_id, bucket, object_key, revision, uploaded_at, processed_at, batch_id,
       CAST('rejected' AS VARCHAR(8)) AS outcome, CAST(0 AS BIGINT) AS codes, reason
FROM rejections;

-- The scans of every day, hour, product, place, campaign and device, for charts that share their filters: one source
-- for all. Sums over any rows are right: a photo counts in the row of its first code, so no photo counts twice. The
-- cells of resolution 5 and 3 are those that hold the cell of resolution 7. What is not known is null, and stands here.
DROP VIEW IF EXISTS mart_fact;
CREATE VIEW mart_fact AS
SELECT local_date, local_weekday, local_hour, fact.product_id, fact.url_host, h3_cell,
       CAST('85' || SUBSTRING(h3_cell, 3, 5)
            || CASE WHEN SUBSTRING(h3_cell, 8, 1) IN ('0', '1', '2', '3') THEN '3'
                    WHEN SUBSTRING(h3_cell, 8, 1) IN ('4', '5', '6', '7') THEN '7'
                    WHEN SUBSTRING(h3_cell, 8, 1) IN ('8', '9', 'a', 'b') THEN 'b'
                    ELSE 'f' END || 'fffffff' AS VARCHAR(16)) AS h3_cell_5,
       CAST('83' || SUBSTRING(h3_cell, 3, 4) || 'fffffffff' AS VARCHAR(16)) AS h3_cell_3,
       country, region, city, latitude, longitude, utm_campaign, utm_source, utm_medium, camera_make, camera_model,
       scans, photos,
       CAST(COALESCE(NULLIF(of_host.name, ''), NULLIF(of_any_host.name, '')) AS VARCHAR(1024)) AS product_name,
       CAST(COALESCE(NULLIF(of_host.brand, ''), NULLIF(of_any_host.brand, '')) AS VARCHAR(1024)) AS brand,
       CAST(COALESCE(NULLIF(of_host.category, ''), NULLIF(of_any_host.category, '')) AS VARCHAR(1024)) AS category
FROM (
  SELECT local_date, local_hour, product_id, url_host, h3_cell, country, region, city, utm_campaign, utm_source,
         utm_medium, camera_make, camera_model, CAST(MIN(local_weekday) AS BIGINT) AS local_weekday, CAST(COUNT(*) AS BIGINT) AS scans,
         CAST(SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS BIGINT) AS photos,
         COARSE_MEAN(latitude) AS latitude, -- degrees north, mean of the scans to a hundredth (about 1 km)
         COARSE_MEAN(longitude) AS longitude -- degrees east, mean of the scans to a hundredth (about 1 km)
  FROM scans
  GROUP BY local_date, local_hour, product_id, url_host, h3_cell, country, region, city, utm_campaign, utm_source,
           utm_medium, camera_make, camera_model
) AS fact
JOIN_PRODUCTS(fact);

-- Which products are scanned most, over all time, in how many places? (codes that name no product are left out)
DROP VIEW IF EXISTS mart_product;
CREATE VIEW mart_product AS
SELECT ranked.product_id, product_id_source, ranked.url_host, scans, photos, h3_cells, first_local_date, last_local_date,
       place_by_scans, share,
       CAST(COALESCE(NULLIF(of_host.name, ''), NULLIF(of_any_host.name, '')) AS VARCHAR(1024)) AS product_name,
       CAST(COALESCE(NULLIF(of_host.brand, ''), NULLIF(of_any_host.brand, '')) AS VARCHAR(1024)) AS brand,
       CAST(COALESCE(NULLIF(of_host.category, ''), NULLIF(of_any_host.category, '')) AS VARCHAR(1024)) AS category
FROM (
  SELECT product_id, product_id_source, url_host, scans, photos, h3_cells, first_local_date, last_local_date,
         CAST(RANK() OVER (ORDER BY scans DESC) AS BIGINT) AS place_by_scans,
         CAST(CAST(scans AS DOUBLE PRECISION) / SUM(scans) OVER () AS DOUBLE PRECISION) AS share
  FROM (
    SELECT product_id, CAST(MIN(product_id_source) AS VARCHAR(32)) AS product_id_source, url_host,
           CAST(COUNT(*) AS BIGINT) AS scans,
           CAST(SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
             + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS BIGINT) AS photos,
           CAST(COUNT(DISTINCT h3_cell) AS BIGINT) AS h3_cells,
           CAST(MIN(local_date) AS DATE) AS first_local_date, CAST(MAX(local_date) AS DATE) AS last_local_date
    FROM scans
    WHERE product_id IS NOT NULL
    GROUP BY product_id, url_host
  ) AS product
) AS ranked
JOIN_PRODUCTS(ranked);

-- How often was each product scanned on each day, and which led the day? (top ten of a day: place_on_day <= 10)
DROP VIEW IF EXISTS mart_product_day;
CREATE VIEW mart_product_day AS
SELECT local_date, ranked.product_id, ranked.url_host, scans, photos, place_on_day,
       CAST(COALESCE(NULLIF(of_host.name, ''), NULLIF(of_any_host.name, '')) AS VARCHAR(1024)) AS product_name,
       CAST(COALESCE(NULLIF(of_host.brand, ''), NULLIF(of_any_host.brand, '')) AS VARCHAR(1024)) AS brand,
       CAST(COALESCE(NULLIF(of_host.category, ''), NULLIF(of_any_host.category, '')) AS VARCHAR(1024)) AS category
FROM (
  SELECT local_date, product_id, url_host, scans, photos,
         CAST(RANK() OVER (PARTITION BY local_date ORDER BY scans DESC) AS BIGINT) AS place_on_day
  FROM (
    SELECT local_date, product_id, url_host, CAST(COUNT(*) AS BIGINT) AS scans,
           CAST(SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
             + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS BIGINT) AS photos
    FROM scans
    WHERE product_id IS NOT NULL AND local_date IS NOT NULL
    GROUP BY local_date, product_id, url_host
  ) AS product_day
) AS ranked
JOIN_PRODUCTS(ranked);

-- Is a product rising or falling? The seven calendar days that end with each day against the seven before (growth
-- above 1: rising). Days without a scan count as zero, and stand here too while one of the fourteen days has a scan. A
-- week is null until the product has been seen that long, growth also where the week before has fewer than ten scans.
-- The calendar of a product is the 366 days that end with its last scan; what lies before is left out.
-- (After a day with scans up to thirteen days without are listed. So rows are days here: where more days are left out,
-- thirteen listed ones without a scan stand before the next.)
DROP VIEW IF EXISTS mart_product_trend;
CREATE VIEW mart_product_trend AS
SELECT windowed.product_id, windowed.url_host, CAST(DATE_OF(day) AS DATE) AS local_date, scans,
       CAST(CASE WHEN day - first_day >= 6 THEN scans_7_days END AS BIGINT) AS scans_7_days,
       CAST(CASE WHEN day - first_day >= 13 THEN scans_7_days_before END AS BIGINT) AS scans_7_days_before,
       CAST(CASE WHEN day - first_day >= 13 AND scans_7_days_before >= 10
                 THEN CAST(scans_7_days AS DOUBLE PRECISION) / scans_7_days_before END AS DOUBLE PRECISION) AS growth,
       CAST(COALESCE(NULLIF(of_host.name, ''), NULLIF(of_any_host.name, '')) AS VARCHAR(1024)) AS product_name,
       CAST(COALESCE(NULLIF(of_host.brand, ''), NULLIF(of_any_host.brand, '')) AS VARCHAR(1024)) AS brand,
       CAST(COALESCE(NULLIF(of_host.category, ''), NULLIF(of_any_host.category, '')) AS VARCHAR(1024)) AS category
FROM (
  SELECT product_id, url_host, first_day, day, scans,
         SUM(scans) OVER (PARTITION BY product_id, url_host ORDER BY day
                          ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS scans_7_days,
         SUM(scans) OVER (PARTITION BY product_id, url_host ORDER BY day
                          ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING) AS scans_7_days_before
  FROM (
    SELECT product_id, url_host, first_day, day_seen + back AS day,
           CAST(CASE WHEN back = 0 THEN scans ELSE 0 END AS BIGINT) AS scans
    FROM (
      SELECT product_id, url_host, day AS day_seen, scans,
             MIN(day) OVER (PARTITION BY product_id, url_host) AS first_day,
             LEAD(day) OVER (PARTITION BY product_id, url_host ORDER BY day) AS next_day
      FROM PRODUCT_DAYS() AS product_day
    ) AS seen
    CROSS JOIN (
      SELECT 0 AS back UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
      UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL SELECT 10
      UNION ALL SELECT 11 UNION ALL SELECT 12 UNION ALL SELECT 13
    ) AS backs
    CROSS JOIN (
      SELECT DAY_OF(last_date) AS last_day
      FROM (SELECT MAX(local_date) AS last_date FROM scans WHERE product_id IS NOT NULL) AS latest
    ) AS calendar
    WHERE day_seen + back < COALESCE(next_day, last_day + 1)
  ) AS listed
) AS windowed
JOIN_PRODUCTS(windowed);

-- Which product-days are out of line? robust_score is the distance from the product's median day in standard
-- deviations as its median absolute deviation tells them (1.4826 of it; where more than half of the days are alike,
-- 1.2533 of the mean absolute deviation). A day is unusual beyond 3.5 and at least five scans off. All calendar days
-- from the product's first to its last count, of at most 366 before and with the last, those without a scan as zero; of
-- such days in a row the first is listed. Needs 14 days. (The medians come from how many days had how many scans; one row for each product, which stands among
-- those of its days until they know it.)
DROP VIEW IF EXISTS mart_product_anomaly;
CREATE VIEW mart_product_anomaly AS
SELECT scored.product_id, scored.url_host, CAST(DATE_OF(day) AS DATE) AS local_date,
       CAST(scans AS BIGINT) AS scans,
       CAST(median_scans AS DOUBLE PRECISION) AS median_scans,
       CAST(median_deviation AS DOUBLE PRECISION) AS median_deviation,
       CAST((scans - median_scans) / spread AS DOUBLE PRECISION) AS robust_score,
       CAST(CASE WHEN ABS(scans - median_scans) > 3.5 * spread AND ABS(scans - median_scans) >= 5 THEN 1 ELSE 0 END
            AS BIGINT) AS unusual,
       CAST(COALESCE(NULLIF(of_host.name, ''), NULLIF(of_any_host.name, '')) AS VARCHAR(1024)) AS product_name,
       CAST(COALESCE(NULLIF(of_host.brand, ''), NULLIF(of_any_host.brand, '')) AS VARCHAR(1024)) AS brand,
       CAST(COALESCE(NULLIF(of_host.category, ''), NULLIF(of_any_host.category, '')) AS VARCHAR(1024)) AS category
FROM (
  SELECT product_id, url_host, day, scans, median_scans, median_deviation,
         CASE WHEN median_deviation > 0 THEN 1.4826 * median_deviation
              WHEN mean_deviation > 0 THEN 1.2533 * mean_deviation
              ELSE 1 END AS spread
  FROM (
    SELECT product_id, url_host, day, scans,
           MAX(median_scans) OVER (PARTITION BY product_id, url_host) AS median_scans,
           MAX(median_deviation) OVER (PARTITION BY product_id, url_host) AS median_deviation,
           MAX(mean_deviation) OVER (PARTITION BY product_id, url_host) AS mean_deviation
    FROM (
      SELECT product_id, url_host, day_seen + back AS day, CAST(CASE WHEN back = 0 THEN scans ELSE 0 END AS BIGINT) AS scans,
             CAST(NULL AS DOUBLE PRECISION) AS median_scans, CAST(NULL AS DOUBLE PRECISION) AS median_deviation,
             CAST(NULL AS DOUBLE PRECISION) AS mean_deviation
      FROM (
        SELECT product_id, url_host, day AS day_seen, scans,
               LEAD(day) OVER (PARTITION BY product_id, url_host ORDER BY day) AS next_day
        FROM PRODUCT_DAYS() AS product_day
      ) AS seen
      CROSS JOIN (SELECT 0 AS back UNION ALL SELECT 1) AS backs
      WHERE back = 0 OR day_seen + 1 < next_day
      UNION ALL
      SELECT product_id, url_host, CAST(NULL AS INTEGER) AS day, CAST(NULL AS BIGINT) AS scans,
             MAX(median_scans) AS median_scans,
             (COALESCE(MAX(CASE WHEN (days + 1) / 2 > place - alike AND (days + 1) / 2 <= place THEN deviation END),
                       MAX(median_scans))
              + COALESCE(MAX(CASE WHEN (days + 2) / 2 > place - alike AND (days + 2) / 2 <= place THEN deviation END),
                         MAX(median_scans))) / 2 AS median_deviation,
             (SUM(deviation * alike) + MAX(zero_days * median_scans)) / MAX(days) AS mean_deviation
      FROM (
        SELECT product_id, url_host, alike, days, zero_days, median_scans, deviation,
               CASE WHEN deviation > median_scans THEN zero_days ELSE 0 END
                 + SUM(alike) OVER (PARTITION BY product_id, url_host ORDER BY deviation
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
        FROM (
          SELECT product_id, url_host, alike, days, zero_days, median_scans, ABS(scans - median_scans) AS deviation
          FROM (
            SELECT product_id, url_host, scans, alike, days, zero_days,
                   CAST(SUM(CASE WHEN (days + 1) / 2 > place - alike AND (days + 1) / 2 <= place THEN scans ELSE 0 END)
                          OVER (PARTITION BY product_id, url_host)
                        + SUM(CASE WHEN (days + 2) / 2 > place - alike AND (days + 2) / 2 <= place THEN scans ELSE 0 END)
                            OVER (PARTITION BY product_id, url_host) AS DOUBLE PRECISION) / 2 AS median_scans
            FROM (
              SELECT product_id, url_host, scans, alike, days, days - days_seen AS zero_days,
                     days - days_seen + place_seen AS place
              FROM (
                SELECT product_id, url_host, scans, alike,
                       MAX(last_day) OVER (PARTITION BY product_id, url_host)
                         - MIN(first_day) OVER (PARTITION BY product_id, url_host) + 1 AS days,
                       SUM(alike) OVER (PARTITION BY product_id, url_host) AS days_seen,
                       SUM(alike) OVER (PARTITION BY product_id, url_host ORDER BY scans
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place_seen
                FROM (
                  SELECT product_id, url_host, scans, COUNT(*) AS alike, MIN(day) AS first_day, MAX(day) AS last_day
                  FROM PRODUCT_DAYS() AS product_day
                  GROUP BY product_id, url_host, scans
                ) AS counted
              ) AS spanned
              WHERE days >= 14
            ) AS ranked
          ) AS centred
        ) AS distant
      ) AS placed
      GROUP BY product_id, url_host
    ) AS merged
  ) AS told
  WHERE day IS NOT NULL AND median_scans IS NOT NULL
) AS scored
JOIN_PRODUCTS(scored);

-- How many scans a day, and how many so far?
DROP VIEW IF EXISTS mart_day;
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

-- At which hours of which weekdays do people scan? (1 Monday to 7 Sunday; share of the dated scans)
DROP VIEW IF EXISTS mart_hour_weekday;
CREATE VIEW mart_hour_weekday AS
SELECT local_weekday, local_hour, scans,
       CAST(CAST(scans AS DOUBLE PRECISION) / SUM(scans) OVER () AS DOUBLE PRECISION) AS share
FROM (
  SELECT local_weekday, local_hour, CAST(COUNT(*) AS BIGINT) AS scans
  FROM scans
  WHERE local_hour IS NOT NULL AND local_weekday IS NOT NULL
  GROUP BY local_weekday, local_hour
) AS hour_weekday;

-- Where do people scan? One row an H3 cell of resolution 7, with the mean position of its scans, to
-- about 1 km, for a map's marker.
DROP VIEW IF EXISTS mart_h3_map;
CREATE VIEW mart_h3_map AS
SELECT h3_cell, CAST(COUNT(*) AS BIGINT) AS scans,
       CAST(SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS BIGINT) AS photos,
       CAST(COUNT(DISTINCT product_id) AS BIGINT) AS products,
       COARSE_MEAN(latitude) AS latitude, -- degrees north, mean of the scans to a hundredth (about 1 km)
       COARSE_MEAN(longitude) AS longitude, -- degrees east, mean of the scans to a hundredth (about 1 km)
       CAST(MIN(captured_local) AS TIMESTAMP) AS first_captured_local,
       CAST(MAX(captured_local) AS TIMESTAMP) AS last_captured_local
FROM scans
WHERE h3_cell IS NOT NULL
GROUP BY h3_cell;

-- In which countries, regions and towns do people scan, day by day? (places without a name are left out; a town has the
-- mean position of its scans, to about 1 km)
DROP VIEW IF EXISTS mart_place_day;
CREATE VIEW mart_place_day AS
SELECT local_date, country, region, city, CAST(COUNT(*) AS BIGINT) AS scans,
       CAST(SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS BIGINT) AS photos,
       CAST(COUNT(DISTINCT product_id) AS BIGINT) AS products,
       COARSE_MEAN(latitude) AS latitude, -- degrees north, mean of the scans to a hundredth (about 1 km)
       COARSE_MEAN(longitude) AS longitude -- degrees east, mean of the scans to a hundredth (about 1 km)
FROM scans
WHERE country IS NOT NULL AND local_date IS NOT NULL
GROUP BY local_date, country, region, city;

-- How does each campaign run, day by day, and how many scans has it brought so far?
DROP VIEW IF EXISTS mart_campaign_day;
CREATE VIEW mart_campaign_day AS
SELECT utm_campaign, utm_source, utm_medium, local_date, scans, products, h3_cells,
       CAST(SUM(scans) OVER (PARTITION BY utm_campaign, utm_source, utm_medium ORDER BY local_date
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS scans_so_far
FROM (
  SELECT utm_campaign, utm_source, utm_medium, local_date, CAST(COUNT(*) AS BIGINT) AS scans,
         CAST(COUNT(DISTINCT product_id) AS BIGINT) AS products, CAST(COUNT(DISTINCT h3_cell) AS BIGINT) AS h3_cells
  FROM scans
  WHERE utm_campaign IS NOT NULL AND local_date IS NOT NULL
  GROUP BY utm_campaign, utm_source, utm_medium, local_date
) AS campaign_day;

-- Does a campaign lift its product? All scans of the product from the first to the last day the campaign was seen on
-- it, against the other days from the product's first to its last (lift above 1: more scans a day), all within the 366
-- days that end with the product's last scan. Days without a scan count as zero. Lift is null with fewer than seven days on either side, or fewer than ten other scans. (The scans of a
-- period are those until its last day less those before its first: edges of periods stand among the days, in order.)
DROP VIEW IF EXISTS mart_campaign_lift;
CREATE VIEW mart_campaign_lift AS
SELECT utm_campaign, compared.product_id, compared.url_host, campaign_days, other_days,
       CAST(CAST(campaign_scans AS DOUBLE PRECISION) / campaign_days AS DOUBLE PRECISION) AS scans_per_campaign_day,
       CAST(CAST(other_scans AS DOUBLE PRECISION) / NULLIF(other_days, 0) AS DOUBLE PRECISION) AS scans_per_other_day,
       CAST(CASE WHEN campaign_days >= 7 AND other_days >= 7 AND other_scans >= 10
                 THEN CAST(campaign_scans AS DOUBLE PRECISION) * other_days / (other_scans * campaign_days)
                 END AS DOUBLE PRECISION) AS lift,
       CAST(COALESCE(NULLIF(of_host.name, ''), NULLIF(of_any_host.name, '')) AS VARCHAR(1024)) AS product_name,
       CAST(COALESCE(NULLIF(of_host.brand, ''), NULLIF(of_any_host.brand, '')) AS VARCHAR(1024)) AS brand,
       CAST(COALESCE(NULLIF(of_host.category, ''), NULLIF(of_any_host.category, '')) AS VARCHAR(1024)) AS category
FROM (
  SELECT utm_campaign, product_id, url_host, CAST(SUM(edge * day) + 1 AS BIGINT) AS campaign_days,
         CAST(MAX(product_days) - SUM(edge * day) - 1 AS BIGINT) AS other_days,
         CAST(SUM(edge * scans_so_far) AS BIGINT) AS campaign_scans,
         CAST(MAX(product_scans) - SUM(edge * scans_so_far) AS BIGINT) AS other_scans
  FROM (
    SELECT utm_campaign, product_id, url_host, day, edge,
           MAX(day) OVER (PARTITION BY product_id, url_host) - MIN(day) OVER (PARTITION BY product_id, url_host) + 1
             AS product_days,
           SUM(scans) OVER (PARTITION BY product_id, url_host) AS product_scans,
           SUM(scans) OVER (PARTITION BY product_id, url_host ORDER BY day, edge
                            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS scans_so_far
    FROM (
      SELECT CAST(NULL AS VARCHAR(1024)) AS utm_campaign, product_id, url_host, day, 0 AS edge, scans
      FROM PRODUCT_DAYS() AS product_day
      UNION ALL
      SELECT utm_campaign, product_id, url_host, CASE WHEN edge < 0 THEN first_day ELSE last_day END AS day, edge,
             0 AS scans
      FROM (
        SELECT utm_campaign, product_id, url_host, MIN(day) AS first_day, MAX(day) AS last_day
        FROM PRODUCT_DAYS(utm_campaign) AS campaign_day
        WHERE utm_campaign IS NOT NULL
        GROUP BY utm_campaign, product_id, url_host
      ) AS period
      CROSS JOIN (SELECT -1 AS edge UNION ALL SELECT 1) AS edges
    ) AS merged
  ) AS counted
  WHERE edge <> 0
  GROUP BY utm_campaign, product_id, url_host
) AS compared
JOIN_PRODUCTS(compared);

-- What do people scan with, and how hard are those photos? (decode_ms is per photo)
DROP VIEW IF EXISTS mart_device;
CREATE VIEW mart_device AS
SELECT camera_make, camera_model, CAST(COUNT(*) AS BIGINT) AS photos,
       CAST(SUM(qr_count) AS BIGINT) AS scans, CAST(AVG(decode_ms) AS DOUBLE PRECISION) AS mean_decode_ms,
       CAST(CAST(COUNT(latitude) AS DOUBLE PRECISION) / COUNT(*) AS DOUBLE PRECISION) AS share_with_place,
       CAST(CAST(COUNT(captured_at) AS DOUBLE PRECISION) / COUNT(*) AS DOUBLE PRECISION) AS share_with_instant
FROM scans
WHERE qr_index = 0
GROUP BY camera_make, camera_model;

-- Which models of devices are new on a day, and which were seen before? (models, not people: a photo names no one)
DROP VIEW IF EXISTS mart_device_day;
CREATE VIEW mart_device_day AS
SELECT local_date, camera_make, camera_model, scans, photos, CAST(first_date AS DATE) AS first_local_date,
       CAST(CASE WHEN local_date = first_date THEN 1 ELSE 0 END AS BIGINT) AS is_new
FROM (
  SELECT local_date, camera_make, camera_model, scans, photos,
         MIN(local_date) OVER (PARTITION BY camera_make, camera_model) AS first_date
  FROM (
    SELECT local_date, camera_make, camera_model, CAST(COUNT(*) AS BIGINT) AS scans,
           CAST(SUM(CASE WHEN qr_index = 0 THEN 1 ELSE 0 END) AS BIGINT) AS photos
    FROM scans
    WHERE local_date IS NOT NULL AND (camera_make IS NOT NULL OR camera_model IS NOT NULL)
    GROUP BY local_date, camera_make, camera_model
  ) AS device_day
) AS seen;

-- Which rung of the decode ladder reads the codes, and what do the photos it wins cost? (mean_decode_ms: CPU of the
-- whole photo, all rungs, over the photos whose first code this rung read)
DROP VIEW IF EXISTS mart_rung;
CREATE VIEW mart_rung AS
SELECT rung, codes, photos,
       CAST(CAST(codes AS DOUBLE PRECISION) / SUM(codes) OVER () AS DOUBLE PRECISION) AS share, mean_decode_ms
FROM (
  SELECT rung, CAST(COUNT(*) AS BIGINT) AS codes, CAST(SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
           + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS BIGINT) AS photos,
         CAST(AVG(CASE WHEN qr_index = 0 THEN decode_ms END) AS DOUBLE PRECISION) AS mean_decode_ms
  FROM scans
  GROUP BY rung
) AS rung_won;

-- What kinds of payload come in, and from which hosts?
DROP VIEW IF EXISTS mart_payload;
CREATE VIEW mart_payload AS
SELECT payload_kind, url_host, CAST(COUNT(*) AS BIGINT) AS scans, CAST(SUM(CASE WHEN qr_count = 1 THEN 1 ELSE 0 END)
           + COUNT(DISTINCT CASE WHEN qr_count > 1 THEN photo_id END) AS BIGINT) AS photos,
       CAST(COUNT(DISTINCT payload) AS BIGINT) AS payloads
FROM scans
GROUP BY payload_kind, url_host;

-- Why did photos give no scan, and since when?
DROP VIEW IF EXISTS mart_rejections;
CREATE VIEW mart_rejections AS
SELECT stage, reason, photos,
       CAST(CAST(photos AS DOUBLE PRECISION) / SUM(photos) OVER () AS DOUBLE PRECISION) AS share,
       first_processed_at, last_processed_at
FROM (
  SELECT stage, reason, CAST(COUNT(*) AS BIGINT) AS photos,
         CAST(MIN(processed_at) AS TIMESTAMPTZ) AS first_processed_at,
         CAST(MAX(processed_at) AS TIMESTAMPTZ) AS last_processed_at
  FROM rejections
  GROUP BY stage, reason
) AS rejected;

-- How far may product ids be trusted? Scans by where their id came from: a GTIN passed its check digit, a path is only
-- likely. (null: rows that an older scanmill made)
DROP VIEW IF EXISTS mart_product_id_source;
CREATE VIEW mart_product_id_source AS
SELECT product_id_source, scans, products,
       CAST(CAST(scans AS DOUBLE PRECISION) / SUM(scans) OVER () AS DOUBLE PRECISION) AS share
FROM (
  SELECT product_id_source, CAST(COUNT(*) AS BIGINT) AS scans, CAST(COUNT(DISTINCT product_id) AS BIGINT) AS products
  FROM scans
  GROUP BY product_id_source
) AS sourced;

-- How far may times and places be trusted? Scans by where their time and their place came from.
DROP VIEW IF EXISTS mart_provenance;
CREATE VIEW mart_provenance AS
SELECT captured_at_source, geo_source, scans,
       CAST(CAST(scans AS DOUBLE PRECISION) / SUM(scans) OVER () AS DOUBLE PRECISION) AS share
FROM (
  SELECT captured_at_source, geo_source, CAST(COUNT(*) AS BIGINT) AS scans
  FROM scans
  GROUP BY captured_at_source, geo_source
) AS provenance;

-- How fresh is the warehouse, and is it complete? One row. rows_in_batches less rows_standing is what redelivery and
-- replays repeated; it never falls below zero.
DROP VIEW IF EXISTS mart_freshness;
CREATE VIEW mart_freshness AS
SELECT scanned.last_captured_at, photo.last_uploaded_at, photo.last_processed_at, ledger.last_sealed_at,
       ledger.last_loaded_at, ledger.batches, ledger.rows_in_batches, photo.rows_standing
FROM (SELECT CAST(MAX(captured_at) AS TIMESTAMPTZ) AS last_captured_at FROM scans) AS scanned
CROSS JOIN (
  SELECT CAST(MAX(uploaded_at) AS TIMESTAMPTZ) AS last_uploaded_at,
         CAST(MAX(processed_at) AS TIMESTAMPTZ) AS last_processed_at,
         CAST(COUNT(*) AS BIGINT) AS rows_standing
  FROM (
    SELECT uploaded_at, processed_at FROM scans
    UNION ALL
    SELECT uploaded_at, processed_at FROM rejections
  ) AS standing
) AS photo
CROSS JOIN (
  SELECT CAST(MAX(sealed_at) AS TIMESTAMPTZ) AS last_sealed_at,
         CAST(MAX(loaded_at) AS TIMESTAMPTZ) AS last_loaded_at,
         CAST(COUNT(*) AS BIGINT) AS batches,
         CAST(COALESCE(SUM(row_count), 0) AS BIGINT) AS rows_in_batches
  FROM load_ledger
) AS ledger;
