# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Which models of devices are new on a day, and which were seen before? (models, not people: a photo names no one)
view: mart_device_day {
  sql_table_name: mart_device_day ;;
  dimension_group: local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.local_date ;;
  }
  dimension: camera_make {
    type: string
    sql: ${TABLE}.camera_make ;;
  }
  dimension: camera_model {
    type: string
    sql: ${TABLE}.camera_model ;;
  }
  measure: total_scans {
    type: sum
    sql: ${TABLE}.scans ;;
  }
  measure: total_photos {
    type: sum
    sql: ${TABLE}.photos ;;
  }
  dimension_group: first_local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.first_local_date ;;
  }
  dimension: is_new {
    type: number
    sql: ${TABLE}.is_new ;;
  }
  measure: count {
    type: count
  }
}
