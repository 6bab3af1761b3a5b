# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Is a product rising or falling? The seven calendar days that end with each day against the seven before (growth above 1: rising). Days without a scan count as zero, and stand here too while one of the fourteen days has a scan. A week is null until the product has been seen that long, growth also where the week before has fewer than ten scans. The calendar of a product is the 366 days that end with its last scan; what lies before is left out. (After a day with scans up to thirteen days without are listed. So rows are days here: where more days are left out, thirteen listed ones without a scan stand before the next.)
view: mart_product_trend {
  sql_table_name: mart_product_trend ;;
  dimension: product_id {
    type: string
    sql: ${TABLE}.product_id ;;
  }
  dimension: url_host {
    type: string
    sql: ${TABLE}.url_host ;;
  }
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
  dimension: scans_7_days {
    type: number
    sql: ${TABLE}.scans_7_days ;;
  }
  measure: total_scans_7_days {
    type: sum
    sql: ${TABLE}.scans_7_days ;;
  }
  dimension: scans_7_days_before {
    type: number
    sql: ${TABLE}.scans_7_days_before ;;
  }
  measure: total_scans_7_days_before {
    type: sum
    sql: ${TABLE}.scans_7_days_before ;;
  }
  dimension: growth {
    type: number
    sql: ${TABLE}.growth ;;
  }
  measure: max_growth {
    type: max
    sql: ${TABLE}.growth ;;
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
