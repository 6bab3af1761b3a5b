# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
view: load_ledger {
  sql_table_name: load_ledger ;;
  dimension: batch_id {
    primary_key: yes
    type: string
    description: "sealed batch; the id begins with the time it was opened"
    sql: ${TABLE}.batch_id ;;
  }
  dimension: manifest_id {
    type: string
    description: "load that took it"
    sql: ${TABLE}.manifest_id ;;
  }
  dimension: bucket {
    type: string
    description: "bucket or folder of the batch object"
    sql: ${TABLE}.bucket ;;
  }
  dimension: object_key {
    type: string
    description: "key of the batch object"
    sql: ${TABLE}.object_key ;;
  }
  measure: total_row_count {
    type: sum
    description: "rows in the object, repeated photos included"
    sql: ${TABLE}.row_count ;;
  }
  measure: total_photo_count {
    type: sum
    description: "photos in the object"
    sql: ${TABLE}.photo_count ;;
  }
  dimension_group: sealed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    description: "when the object became durable, UTC; null when adopted from a listing"
    sql: ${TABLE}.sealed_at ;;
  }
  dimension_group: loaded {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    description: "when the load took it, UTC"
    sql: ${TABLE}.loaded_at ;;
  }
  measure: count {
    type: count
  }
}
