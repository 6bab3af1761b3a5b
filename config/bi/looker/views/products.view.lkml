# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
view: products {
  sql_table_name: products ;;
  dimension: product_id {
    type: string
    description: "product_id of scans"
    sql: ${TABLE}.product_id ;;
  }
  dimension: url_host {
    type: string
    description: "url_host of scans that it holds for; null: whatever the host"
    sql: ${TABLE}.url_host ;;
  }
  dimension: name {
    type: string
    description: "name in the product marts"
    sql: ${TABLE}.name ;;
  }
  dimension: brand {
    type: string
    description: "brand in the product marts"
    sql: ${TABLE}.brand ;;
  }
  dimension: category {
    type: string
    description: "category in the product marts"
    sql: ${TABLE}.category ;;
  }
  measure: count {
    type: count
  }
}
