# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
view: scans {
  sql_table_name: scans ;;
  dimension: scan_id {
    primary_key: yes
    type: string
    description: "hash of photo_id, payload and its repeat count"
    sql: ${TABLE}.scan_id ;;
  }
  dimension: photo_id {
    type: string
    description: "hash of bucket, key and version id or eTag"
    sql: ${TABLE}.photo_id ;;
  }
  dimension: batch_id {
    type: string
    description: "sealed batch that carried the row"
    sql: ${TABLE}.batch_id ;;
  }
  dimension: revision {
    type: number
    description: "0; a deliberate replay is higher and replaces the photo's rows"
    sql: ${TABLE}.revision ;;
  }
  dimension: bucket {
    type: string
    description: "bucket or folder of the photo"
    sql: ${TABLE}.bucket ;;
  }
  dimension: object_key {
    type: string
    description: "key of the photo, decoded"
    sql: ${TABLE}.object_key ;;
  }
  dimension: version_id {
    type: string
    description: "object version, on versioned buckets"
    sql: ${TABLE}.version_id ;;
  }
  dimension: etag {
    type: string
    description: "eTag of the bytes that were read"
    sql: ${TABLE}.etag ;;
  }
  dimension: size_bytes {
    type: number
    description: "size of the object"
    sql: ${TABLE}.size_bytes ;;
  }
  dimension: sequencer {
    type: string
    description: "S3's order of events on one key"
    sql: ${TABLE}.sequencer ;;
  }
  dimension_group: uploaded {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    description: "when the upload happened"
    sql: ${TABLE}.uploaded_at ;;
  }
  dimension_group: processed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    description: "when the engine finished with the photo"
    sql: ${TABLE}.processed_at ;;
  }
  dimension: engine_version {
    type: string
    description: "scanmill version that made the row"
    sql: ${TABLE}.engine_version ;;
  }
  dimension: payload {
    type: string
    description: "text of the code; secrets redacted"
    sql: ${TABLE}.payload ;;
  }
  dimension: payload_kind {
    type: string
    description: "url, gs1_digital_link, geo, wifi, text and so on"
    sql: ${TABLE}.payload_kind ;;
  }
  dimension: text_encoding {
    type: string
    description: "how bytes became text: ascii, utf-8; eci:, declared:, guess: set"
    sql: ${TABLE}.text_encoding ;;
  }
  dimension: symbology {
    type: string
    description: "symbology identifier: ]Q1 plain, ]Q3 GS1, ]Q5 AIM, one more with ECI"
    sql: ${TABLE}.symbology ;;
  }
  dimension: product_url {
    type: string
    description: "normalised URL without tracking parameters"
    sql: ${TABLE}.product_url ;;
  }
  dimension: url_host {
    type: string
    description: "host, lower case, punycode"
    sql: ${TABLE}.url_host ;;
  }
  dimension: url_path {
    type: string
    description: "path of the normalised URL"
    sql: ${TABLE}.url_path ;;
  }
  dimension: product_id {
    type: string
    description: "what the code names: GTIN, other GS1 key, a shop's id; null if unclear"
    sql: ${TABLE}.product_id ;;
  }
  dimension: product_id_source {
    type: string
    description: "gtin, digital_link, known_shop, query, path or none; null in rows older than it"
    sql: ${TABLE}.product_id_source ;;
  }
  dimension: url_count {
    type: number
    description: "web addresses in the text; product_url is the first"
    sql: ${TABLE}.url_count ;;
  }
  dimension: gtin {
    type: string
    description: "GTIN-14 whose check digit is right"
    sql: ${TABLE}.gtin ;;
  }
  dimension: utm_source {
    type: string
    description: "utm_source of the URL"
    sql: ${TABLE}.utm_source ;;
  }
  dimension: utm_medium {
    type: string
    description: "utm_medium of the URL"
    sql: ${TABLE}.utm_medium ;;
  }
  dimension: utm_campaign {
    type: string
    description: "utm_campaign of the URL"
    sql: ${TABLE}.utm_campaign ;;
  }
  dimension_group: captured {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    description: "when the photo was taken; null where nothing tells its offset"
    sql: ${TABLE}.captured_at ;;
  }
  dimension_group: captured_local {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    description: "the camera's wall clock; midnight where only the date is known"
    sql: ${TABLE}.captured_local ;;
  }
  dimension: utc_offset_minutes {
    type: number
    description: "minutes east of UTC"
    sql: ${TABLE}.utc_offset_minutes ;;
  }
  dimension: captured_at_source {
    type: string
    description: "where the time came from and how its offset is known, or refused and why"
    sql: ${TABLE}.captured_at_source ;;
  }
  dimension_group: local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    description: "day of captured_local"
    sql: ${TABLE}.local_date ;;
  }
  dimension: local_hour {
    type: number
    description: "hour of captured_local, 0 to 23; null where only the date is known"
    sql: ${TABLE}.local_hour ;;
  }
  dimension: local_weekday {
    type: number
    description: "weekday of captured_local, 1 Monday to 7 Sunday"
    sql: ${TABLE}.local_weekday ;;
  }
  dimension: latitude {
    type: number
    description: "degrees north"
    sql: ${TABLE}.latitude ;;
  }
  dimension: longitude {
    type: number
    description: "degrees east"
    sql: ${TABLE}.longitude ;;
  }
  dimension: altitude_m {
    type: number
    description: "metres above sea level"
    sql: ${TABLE}.altitude_m ;;
  }
  dimension: geo_source {
    type: string
    description: "exif_gps, xmp_gps, none, or refused and why"
    sql: ${TABLE}.geo_source ;;
  }
  dimension: h3_cell {
    type: string
    description: "H3 cell at resolution 7 (about 5 km2), hex"
    sql: ${TABLE}.h3_cell ;;
  }
  dimension: country {
    type: string
    description: "country of the place, ISO 3166-1 alpha-2"
    sql: ${TABLE}.country ;;
  }
  dimension: region {
    type: string
    description: "its first-level division as GeoNames codes it (in the US the state, CA), that of the city"
    sql: ${TABLE}.region ;;
  }
  dimension: city {
    type: string
    description: "nearest town of 15,000 people or more within 30 km in the country"
    sql: ${TABLE}.city ;;
  }
  dimension: place_name_source {
    type: string
    description: "zone+geonames, zone (no town is near), geonames (outside all borders); null without a name"
    sql: ${TABLE}.place_name_source ;;
  }
  dimension: camera_make {
    type: string
    description: "camera maker"
    sql: ${TABLE}.camera_make ;;
  }
  dimension: camera_model {
    type: string
    description: "camera model"
    sql: ${TABLE}.camera_model ;;
  }
  dimension: qr_index {
    type: number
    description: "place of the code in the photo, from 0, top to bottom"
    sql: ${TABLE}.qr_index ;;
  }
  dimension: qr_count {
    type: number
    description: "codes read in the photo"
    sql: ${TABLE}.qr_count ;;
  }
  dimension: more_codes_likely {
    type: number
    description: "1 where the photo shows more codes than could be read; null in rows older than it"
    sql: ${TABLE}.more_codes_likely ;;
  }
  dimension: qr_version {
    type: number
    description: "QR version, 1 to 40"
    sql: ${TABLE}.qr_version ;;
  }
  dimension: ecc_level {
    type: string
    description: "error correction level L, M, Q or H"
    sql: ${TABLE}.ecc_level ;;
  }
  dimension: ecc_used {
    type: number
    description: "share of the error correction used: 0 none, 1 all"
    sql: ${TABLE}.ecc_used ;;
  }
  dimension: part_index {
    type: number
    description: "place in its structured append sequence, from 0; null when whole"
    sql: ${TABLE}.part_index ;;
  }
  dimension: part_count {
    type: number
    description: "codes that the message is made of, when more than one"
    sql: ${TABLE}.part_count ;;
  }
  dimension: part_parity {
    type: number
    description: "parity byte that all parts of a message share"
    sql: ${TABLE}.part_parity ;;
  }
  dimension: rung {
    type: string
    description: "rung of the decode ladder that read it"
    sql: ${TABLE}.rung ;;
  }
  dimension: decode_ms {
    type: number
    description: "CPU milliseconds spent decoding the photo"
    sql: ${TABLE}.decode_ms ;;
  }
  dimension: width {
    type: number
    description: "photo width in pixels"
    sql: ${TABLE}.width ;;
  }
  dimension: height {
    type: number
    description: "photo height in pixels"
    sql: ${TABLE}.height ;;
  }
  dimension: format {
    type: string
    description: "jpeg, png, webp, gif, bmp, tiff, heic or avif"
    sql: ${TABLE}.format ;;
  }
  dimension: location {
    type: location
    sql_latitude: ${TABLE}.latitude ;;
    sql_longitude: ${TABLE}.longitude ;;
  }
  measure: count {
    type: count
  }
  measure: photos {
    type: count_distinct
    sql: ${TABLE}.photo_id ;;
  }
}
