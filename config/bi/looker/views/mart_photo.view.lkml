# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# What became of each photo? One row a photo, scanned or rejected.
view: mart_photo {
  sql_table_name: mart_photo ;;
  dimension: photo_id {
    primary_key: yes
    type: string
    sql: ${TABLE}.photo_id ;;
  }
  dimension: bucket {
    type: string
    sql: ${TABLE}.bucket ;;
  }
  dimension: object_key {
    type: string
    sql: ${TABLE}.object_key ;;
  }
  dimension: revision {
    type: number
    sql: ${TABLE}.revision ;;
  }
  dimension_group: uploaded {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.uploaded_at ;;
  }
  dimension_group: processed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.processed_at ;;
  }
  dimension: batch_id {
    type: string
    sql: ${TABLE}.batch_id ;;
  }
  dimension: outcome {
    type: string
    sql: ${TABLE}.outcome ;;
  }
  dimension: codes {
    type: number
    sql: ${TABLE}.codes ;;
  }
  dimension: reason {
    type: string
    sql: ${TABLE}.reason ;;
  }
  measure: count {
    type: count
  }
}
