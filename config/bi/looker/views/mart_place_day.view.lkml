# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# In which countries, regions and towns do people scan, day by day? (places without a name are left out; a town has the mean position of its scans, to about 1 km)
view: mart_place_day {
  sql_table_name: mart_place_day ;;
  dimension_group: local {
    type: time
    timeframes: [raw, date, week, month, quarter, year, day_of_week]
    datatype: date
    convert_tz: no
    sql: ${TABLE}.local_date ;;
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
  dimension: location {
    type: location
    sql_latitude: ${TABLE}.latitude ;;
    sql_longitude: ${TABLE}.longitude ;;
  }
  measure: count {
    type: count
  }
}
