# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Which rung of the decode ladder reads the codes, and what do the photos it wins cost? (mean_decode_ms: CPU of the whole photo, all rungs, over the photos whose first code this rung read)
view: mart_rung {
  sql_table_name: mart_rung ;;
  dimension: rung {
    type: string
    sql: ${TABLE}.rung ;;
  }
  dimension: codes {
    type: number
    sql: ${TABLE}.codes ;;
  }
  measure: total_photos {
    type: sum
    sql: ${TABLE}.photos ;;
  }
  dimension: share {
    type: number
    sql: ${TABLE}.share ;;
  }
  dimension: mean_decode_ms {
    type: number
    sql: ${TABLE}.mean_decode_ms ;;
  }
  measure: count {
    type: count
  }
}
