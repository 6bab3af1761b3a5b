# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Which product-days are out of line? robust_score is the distance from the product's median day in standard deviations as its median absolute deviation tells them (1.4826 of it; where more than half of the days are alike, 1.2533 of the mean absolute deviation). A day is unusual beyond 3.5 and at least five scans off. All calendar days from the product's first to its last count, of at most 366 before and with the last, those without a scan as zero; of such days in a row the first is listed. Needs 14 days. (The medians come from how many days had how many scans; one row for each product, which stands among those of its days until they know it.)
view: mart_product_anomaly {
  sql_table_name: mart_product_anomaly ;;
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
  dimension: median_scans {
    type: number
    sql: ${TABLE}.median_scans ;;
  }
  dimension: median_deviation {
    type: number
    sql: ${TABLE}.median_deviation ;;
  }
  dimension: robust_score {
    type: number
    sql: ${TABLE}.robust_score ;;
  }
  dimension: unusual {
    type: number
    sql: ${TABLE}.unusual ;;
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
