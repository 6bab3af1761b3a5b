# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# How fresh is the warehouse, and is it complete? One row. rows_in_batches less rows_standing is what redelivery and replays repeated; it never falls below zero.
view: mart_freshness {
  sql_table_name: mart_freshness ;;
  dimension_group: last_captured {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_captured_at ;;
  }
  dimension_group: last_uploaded {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_uploaded_at ;;
  }
  dimension_group: last_processed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_processed_at ;;
  }
  dimension_group: last_sealed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_sealed_at ;;
  }
  dimension_group: last_loaded {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_loaded_at ;;
  }
  dimension: batches {
    type: number
    sql: ${TABLE}.batches ;;
  }
  measure: max_batches {
    type: max
    sql: ${TABLE}.batches ;;
  }
  dimension: rows_in_batches {
    type: number
    sql: ${TABLE}.rows_in_batches ;;
  }
  measure: max_rows_in_batches {
    type: max
    sql: ${TABLE}.rows_in_batches ;;
  }
  dimension: rows_standing {
    type: number
    sql: ${TABLE}.rows_standing ;;
  }
  measure: max_rows_standing {
    type: max
    sql: ${TABLE}.rows_standing ;;
  }
  measure: count {
    type: count
  }
}
