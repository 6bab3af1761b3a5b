# Made from the warehouse's schema by tests/bi/pages.py; a test holds the two together.
# Why did photos give no scan, and since when?
view: mart_rejections {
  sql_table_name: mart_rejections ;;
  dimension: stage {
    type: string
    sql: ${TABLE}.stage ;;
  }
  dimension: reason {
    type: string
    sql: ${TABLE}.reason ;;
  }
  measure: total_photos {
    type: sum
    sql: ${TABLE}.photos ;;
  }
  dimension: share {
    type: number
    sql: ${TABLE}.share ;;
  }
  dimension_group: first_processed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.first_processed_at ;;
  }
  dimension_group: last_processed {
    type: time
    timeframes: [raw, time, hour, date, week, month, year]
    datatype: timestamp
    convert_tz: no
    sql: ${TABLE}.last_processed_at ;;
  }
  measure: count {
    type: count
  }
}
