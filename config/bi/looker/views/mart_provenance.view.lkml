# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# How far may times and places be trusted? Scans by where their time and their place came from.
view: mart_provenance {
  sql_table_name: mart_provenance ;;
  dimension: captured_at_source {
    type: string
    sql: ${TABLE}.captured_at_source ;;
  }
  dimension: geo_source {
    type: string
    sql: ${TABLE}.geo_source ;;
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
