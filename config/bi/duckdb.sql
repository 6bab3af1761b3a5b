-- Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
--
-- Reads the sealed batches as they are, with no warehouse: start DuckDB in the folder that holds `batches`
-- (`data/results` embedded; on AWS `SET VARIABLE batches = 's3://BUCKET/batches/*.jsonl.gz'` first) and
-- `.read duckdb.sql`. Times are UTC, captured_local is the camera's clock.
--
-- Batches repeat what was delivered twice, and keep what a replay replaced. `scans` and `rejections` hold each photo
-- once, by the rules of the load: a final answer before a rejection of the moment, then the higher revision, then the
-- earlier batch. What they cannot know: in a folder, a file that was overwritten stands with every state that was read.

SET TimeZone = 'UTC';

CREATE OR REPLACE VIEW lines AS
SELECT * FROM read_json(
  COALESCE(getvariable('batches'), 'batches/*.jsonl.gz'),
  format = 'newline_delimited', compression = 'gzip', maximum_object_size = 4194304,
  columns = {
    row_kind: 'VARCHAR',
    scan_id: 'VARCHAR',
    photo_id: 'VARCHAR',
    batch_id: 'VARCHAR',
    revision: 'BIGINT',
    bucket: 'VARCHAR',
    object_key: 'VARCHAR',
    version_id: 'VARCHAR',
    etag: 'VARCHAR',
    size_bytes: 'BIGINT',
    sequencer: 'VARCHAR',
    uploaded_at: 'TIMESTAMP',
    processed_at: 'TIMESTAMP',
    engine_version: 'VARCHAR',
    payload: 'VARCHAR',
    payload_kind: 'VARCHAR',
    text_encoding: 'VARCHAR',
    symbology: 'VARCHAR',
    product_url: 'VARCHAR',
    url_host: 'VARCHAR',
    url_path: 'VARCHAR',
    product_id: 'VARCHAR',
    product_id_source: 'VARCHAR',
    url_count: 'BIGINT',
    gtin: 'VARCHAR',
    utm_source: 'VARCHAR',
    utm_medium: 'VARCHAR',
    utm_campaign: 'VARCHAR',
    captured_at: 'TIMESTAMP',
    captured_local: 'TIMESTAMP',
    utc_offset_minutes: 'BIGINT',
    captured_at_source: 'VARCHAR',
    local_date: 'DATE',
    local_hour: 'BIGINT',
    local_weekday: 'BIGINT',
    latitude: 'DOUBLE',
    longitude: 'DOUBLE',
    altitude_m: 'DOUBLE',
    geo_source: 'VARCHAR',
    h3_cell: 'VARCHAR',
    country: 'VARCHAR',
    region: 'VARCHAR',
    city: 'VARCHAR',
    place_name_source: 'VARCHAR',
    camera_make: 'VARCHAR',
    camera_model: 'VARCHAR',
    qr_index: 'BIGINT',
    qr_count: 'BIGINT',
    more_codes_likely: 'BIGINT',
    qr_version: 'BIGINT',
    ecc_level: 'VARCHAR',
    ecc_used: 'DOUBLE',
    part_index: 'BIGINT',
    part_count: 'BIGINT',
    part_parity: 'BIGINT',
    rung: 'VARCHAR',
    decode_ms: 'DOUBLE',
    width: 'BIGINT',
    height: 'BIGINT',
    format: 'VARCHAR',
    stage: 'VARCHAR',
    reason: 'VARCHAR',
    detail: 'VARCHAR'
  }
);

CREATE OR REPLACE VIEW standing AS
SELECT * FROM lines
QUALIFY RANK() OVER (
  PARTITION BY photo_id
  ORDER BY CASE WHEN reason IN ('missing_object', 'retries_exhausted', 'not_a_regular_file', 'timed_out', 'decoder_fault', 'refused_row') THEN 1 ELSE 0 END, revision DESC, batch_id, processed_at, row_kind DESC
) = 1
AND ROW_NUMBER() OVER (PARTITION BY photo_id, scan_id, revision, batch_id, processed_at, row_kind) = 1;

CREATE OR REPLACE VIEW scans AS
SELECT scan_id, photo_id, batch_id, revision, bucket, object_key, version_id, etag, size_bytes, sequencer, uploaded_at, processed_at, engine_version, payload, payload_kind, text_encoding, symbology, product_url, url_host, url_path, product_id, product_id_source, url_count, gtin, utm_source, utm_medium, utm_campaign, captured_at, captured_local, utc_offset_minutes, captured_at_source, local_date, local_hour, local_weekday, latitude, longitude, altitude_m, geo_source, h3_cell, country, region, city, place_name_source, camera_make, camera_model, qr_index, qr_count, more_codes_likely, qr_version, ecc_level, ecc_used, part_index, part_count, part_parity, rung, decode_ms, width, height, format
FROM standing
WHERE row_kind = 'scan';

CREATE OR REPLACE VIEW rejections AS
SELECT photo_id, batch_id, revision, bucket, object_key, version_id, etag, size_bytes, sequencer, uploaded_at, processed_at, engine_version, stage, reason, detail
FROM standing
WHERE row_kind = 'rejection';
