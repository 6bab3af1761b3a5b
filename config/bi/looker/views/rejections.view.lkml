# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
view: rejections {
  sql_table_name: rejections ;;
  dimension: photo_id {
    primary_key: yes
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
  dimension: stage {
    type: string
    description: "notify, fetch, guard, decode or load"
    sql: ${TABLE}.stage ;;
  }
  dimension: reason {
    type: string
    description: "typed reason"
    sql: ${TABLE}.reason ;;
  }
  dimension: detail {
    type: string
    description: "figures and limits for people"
    sql: ${TABLE}.detail ;;
  }
  measure: count {
    type: count
  }
}
