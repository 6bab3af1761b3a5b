# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Which products are scanned most, over all time, in how many places? (codes that name no product are left out)
view: mart_product {
  sql_table_name: mart_product ;;
  dimension: product_id {
    type: string
    sql: ${TABLE}.product_id ;;
  }
  dimension: product_id_source {
    type: string
    sql: ${TABLE}.product_id_source ;;
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
  dimension: h3_cells {
    type: number
    sql: ${TABLE}.h3_cells ;;
  }
  dimension_group: first_local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.first_local_date ;;
  }
  dimension_group: last_local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.last_local_date ;;
  }
  dimension: place_by_scans {
    type: number
    sql: ${TABLE}.place_by_scans ;;
  }
  dimension: share {
    type: number
    sql: ${TABLE}.share ;;
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
