# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Does a campaign lift its product? All scans of the product from the first to the last day the campaign was seen on it, against the other days from the product's first to its last (lift above 1: more scans a day), all within the 366 days that end with the product's last scan. Days without a scan count as zero. Lift is null with fewer than seven days on either side, or fewer than ten other scans. (The scans of a period are those until its last day less those before its first: edges of periods stand among the days, in order.)
view: mart_campaign_lift {
  sql_table_name: mart_campaign_lift ;;
  dimension: utm_campaign {
    type: string
    sql: ${TABLE}.utm_campaign ;;
  }
  dimension: product_id {
    type: string
    sql: ${TABLE}.product_id ;;
  }
  dimension: url_host {
    type: string
    sql: ${TABLE}.url_host ;;
  }
  dimension: campaign_days {
    type: number
    sql: ${TABLE}.campaign_days ;;
  }
  dimension: other_days {
    type: number
    sql: ${TABLE}.other_days ;;
  }
  dimension: scans_per_campaign_day {
    type: number
    sql: ${TABLE}.scans_per_campaign_day ;;
  }
  dimension: scans_per_other_day {
    type: number
    sql: ${TABLE}.scans_per_other_day ;;
  }
  dimension: lift {
    type: number
    sql: ${TABLE}.lift ;;
  }
  measure: max_lift {
    type: max
    sql: ${TABLE}.lift ;;
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
