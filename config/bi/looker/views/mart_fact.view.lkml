# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# The scans of every day, hour, product, place, campaign and device, for charts that share their filters: one source for all. Sums over any rows are right: a photo counts in the row of its first code, so no photo counts twice. The cells of resolution 5 and 3 are those that hold the cell of resolution 7. What is not known is null, and stands here.
view: mart_fact {
  sql_table_name: mart_fact ;;
  dimension_group: local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.local_date ;;
  }
  dimension: local_weekday {
    type: number
    sql: ${TABLE}.local_weekday ;;
  }
  dimension: local_hour {
    type: number
    sql: ${TABLE}.local_hour ;;
  }
  dimension: product_id {
    type: string
    sql: ${TABLE}.product_id ;;
  }
  dimension: url_host {
    type: string
    sql: ${TABLE}.url_host ;;
  }
  dimension: h3_cell {
    type: string
    sql: ${TABLE}.h3_cell ;;
  }
  dimension: h3_cell_5 {
    type: string
    sql: ${TABLE}.h3_cell_5 ;;
  }
  dimension: h3_cell_3 {
    type: string
    sql: ${TABLE}.h3_cell_3 ;;
  }
  dimension: country {
    type: string
    sql: ${TABLE}.country ;;
  }
  dimension: region {
    type: string
    sql: ${TABLE}.region ;;
  }
  dimension: city {
    type: string
    sql: ${TABLE}.city ;;
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
  dimension: location {
    type: location
    sql_latitude: ${TABLE}.latitude ;;
    sql_longitude: ${TABLE}.longitude ;;
  }
  measure: count {
    type: count
  }
}
