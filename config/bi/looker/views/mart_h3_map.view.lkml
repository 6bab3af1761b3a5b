# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Where do people scan? One row an H3 cell of resolution 7, with the mean position of its scans, to about 1 km, for a map's marker.
view: mart_h3_map {
  sql_table_name: mart_h3_map ;;
  dimension: h3_cell {
    type: string
    sql: ${TABLE}.h3_cell ;;
  }
  measure: total_scans {
    type: sum
    sql: ${TABLE}.scans ;;
  }
  measure: total_photos {
    type: sum
    sql: ${TABLE}.photos ;;
  }
  dimension: products {
    type: number
    sql: ${TABLE}.products ;;
  }
  dimension: latitude {
    type: number
    description: "degrees north, mean of the scans to a hundredth (about 1 km)"
    sql: ${TABLE}.latitude ;;
  }
  dimension: longitude {
    type: number
    description: "degrees east, mean of the scans to a hundredth (about 1 km)"
    sql: ${TABLE}.longitude ;;
  }
  dimension_group: first_captured_local {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.first_captured_local ;;
  }
  dimension_group: last_captured_local {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_captured_local ;;
  }
  dimension: location {
    type: location
    sql_latitude: ${TABLE}.latitude ;;
    sql_longitude: ${TABLE}.longitude ;;
  }
  measure: count {
    type: count
  }
}
