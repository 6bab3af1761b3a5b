# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# What kinds of payload come in, and from which hosts?
view: mart_payload {
  sql_table_name: mart_payload ;;
  dimension: payload_kind {
    type: string
    sql: ${TABLE}.payload_kind ;;
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
  dimension: payloads {
    type: number
    sql: ${TABLE}.payloads ;;
  }
  measure: count {
    type: count
  }
}
