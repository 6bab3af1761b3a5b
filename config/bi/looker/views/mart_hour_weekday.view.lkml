# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# At which hours of which weekdays do people scan? (1 Monday to 7 Sunday; share of the dated scans)
view: mart_hour_weekday {
  sql_table_name: mart_hour_weekday ;;
  dimension: local_weekday {
    type: number
    sql: ${TABLE}.local_weekday ;;
  }
  dimension: local_hour {
    type: number
    sql: ${TABLE}.local_hour ;;
  }
  measure: total_scans {
    type: sum
    sql: ${TABLE}.scans ;;
  }
  dimension: share {
    type: number
    sql: ${TABLE}.share ;;
  }
  measure: count {
    type: count
  }
}
