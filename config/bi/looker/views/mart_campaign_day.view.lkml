# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# How does each campaign run, day by day, and how many scans has it brought so far?
view: mart_campaign_day {
  sql_table_name: mart_campaign_day ;;
  dimension: utm_campaign {
    type: string
    sql: ${TABLE}.utm_campaign ;;
  }
  dimension: utm_source {
    type: string
    sql: ${TABLE}.utm_source ;;
  }
  dimension: utm_medium {
    type: string
    sql: ${TABLE}.utm_medium ;;
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
  dimension: products {
    type: number
    sql: ${TABLE}.products ;;
  }
  dimension: h3_cells {
    type: number
    sql: ${TABLE}.h3_cells ;;
  }
  dimension: scans_so_far {
    type: number
    sql: ${TABLE}.scans_so_far ;;
  }
  measure: count {
    type: count
  }
}
