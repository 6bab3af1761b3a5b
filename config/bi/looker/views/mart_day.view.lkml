# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# How many scans a day, and how many so far?
view: mart_day {
  sql_table_name: mart_day ;;
  dimension_group: local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.local_date ;;
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
  dimension: scans_so_far {
    type: number
    sql: ${TABLE}.scans_so_far ;;
  }
  measure: count {
    type: count
  }
}
