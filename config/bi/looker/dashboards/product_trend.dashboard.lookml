- dashboard: product_trend
  title: Product trend
  description: 'Seven days against the seven before, and days out of line.'
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
  - name: days
    title: Days
    type: field_filter
    model: scanmill
    explore: mart_product_trend
    field: mart_product_trend.local_date
    default_value: 90 days
  - name: product
    title: Product
    type: field_filter
    model: scanmill
    explore: mart_product_trend
    field: mart_product_trend.product_id
  - name: brand
    title: Brand
    type: field_filter
    model: scanmill
    explore: mart_product_trend
    field: mart_product_trend.brand
  elements:
  - name: weeks
    title: 'Scans of the last seven days'
    type: looker_line
    model: scanmill
    explore: mart_product_trend
    fields: [mart_product_trend.local_date, mart_product_trend.product_id, mart_product_trend.total_scans_7_days]
    pivots: [mart_product_trend.product_id]
    sorts: [mart_product_trend.local_date]
    listen:
      days: mart_product_trend.local_date
      product: mart_product_trend.product_id
      brand: mart_product_trend.brand
    limit: 5000
    row: 0
    col: 0
    width: 24
    height: 8
  - name: growth
    title: 'Growth (above 1: rising)'
    type: looker_grid
    model: scanmill
    explore: mart_product_trend
    fields: [mart_product_trend.local_date, mart_product_trend.product_id, mart_product_trend.url_host, mart_product_trend.product_name, mart_product_trend.total_scans_7_days, mart_product_trend.total_scans_7_days_before, mart_product_trend.max_growth]
    sorts: [mart_product_trend.local_date desc, mart_product_trend.max_growth desc]
    listen:
      days: mart_product_trend.local_date
      product: mart_product_trend.product_id
      brand: mart_product_trend.brand
    limit: 5000
    row: 8
    col: 0
    width: 12
    height: 8
  - name: unusual
    title: 'Unusual days'
    type: looker_grid
    model: scanmill
    explore: mart_product_anomaly
    fields: [mart_product_anomaly.local_date, mart_product_anomaly.product_id, mart_product_anomaly.product_name, mart_product_anomaly.total_scans, mart_product_anomaly.median_scans, mart_product_anomaly.robust_score]
    sorts: [mart_product_anomaly.local_date desc]
    filters:
      mart_product_anomaly.unusual: "1"
    listen:
      days: mart_product_anomaly.local_date
      product: mart_product_anomaly.product_id
      brand: mart_product_anomaly.brand
    limit: 5000
    row: 8
    col: 12
    width: 12
    height: 8
