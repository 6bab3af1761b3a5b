# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# How often was each product scanned on each day, and which led the day? (top ten of a day: place_on_day <= 10)
view: mart_product_day {
  sql_table_name: mart_product_day ;;
  dimension_group: local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.local_date ;;
  }
  dimension: product_id {
    type: string
    sql: ${TABLE}.product_id ;;
  }
  dimension: url_host {
    type: string
    sql: ${TABLE}.url_host ;;
  }
  measure: total_scans {
    type: sum
    sql: ${TABLE}.scans ;;
  }
  measure: total_photos {
    type: sum
    sql: ${TABLE}.photos ;;
  }
  dimension: place_on_day {
    type: number
    sql: ${TABLE}.place_on_day ;;
  }
  dimension: product_name {
    type: string
    sql: ${TABLE}.product_name ;;
  }
  dimension: brand {
    type: string
    sql: ${TABLE}.brand ;;
  }
  dimension: category {
    type: string
    sql: ${TABLE}.category ;;
  }
  measure: count {
    type: count
  }
}
