# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# What do people scan with, and how hard are those photos? (decode_ms is per photo)
view: mart_device {
  sql_table_name: mart_device ;;
  dimension: camera_make {
    type: string
    sql: ${TABLE}.camera_make ;;
  }
  dimension: camera_model {
    type: string
    sql: ${TABLE}.camera_model ;;
  }
  measure: total_photos {
    type: sum
    sql: ${TABLE}.photos ;;
  }
  measure: total_scans {
    type: sum
    sql: ${TABLE}.scans ;;
  }
  dimension: mean_decode_ms {
    type: number
    sql: ${TABLE}.mean_decode_ms ;;
  }
  dimension: share_with_place {
    type: number
    sql: ${TABLE}.share_with_place ;;
  }
  dimension: share_with_instant {
    type: number
    sql: ${TABLE}.share_with_instant ;;
  }
  measure: count {
    type: count
  }
}
