# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# How far may product ids be trusted? Scans by where their id came from: a GTIN passed its check digit, a path is only likely. (null: rows that an older scanmill made)
view: mart_product_id_source {
  sql_table_name: mart_product_id_source ;;
  dimension: product_id_source {
    type: string
    sql: ${TABLE}.product_id_source ;;
  }
  measure: total_scans {
    type: sum
    sql: ${TABLE}.scans ;;
  }
  dimension: products {
    type: number
    sql: ${TABLE}.products ;;
  }
  dimension: share {
    type: number
    sql: ${TABLE}.share ;;
  }
  measure: count {
    type: count
  }
}
