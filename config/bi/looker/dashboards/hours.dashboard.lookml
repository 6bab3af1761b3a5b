- dashboard: hours
  title: Hours and weekdays
  description: 'When people scan, by the clock of their camera. 1 is Monday.'
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
  - name: days
    title: Days
    type: field_filter
    model: scanmill
    explore: mart_fact
    field: mart_fact.local_date
    default_value: 30 days
  - name: product
    title: Product
    type: field_filter
    model: scanmill
    explore: mart_fact
    field: mart_fact.product_id
  - name: category
    title: Category
    type: field_filter
    model: scanmill
    explore: mart_fact
    field: mart_fact.category
  - name: campaign
    title: Campaign
    type: field_filter
    model: scanmill
    explore: mart_fact
    field: mart_fact.utm_campaign
  - name: device
    title: Device
    type: field_filter
    model: scanmill
    explore: mart_fact
    field: mart_fact.camera_model
  elements:
  - name: grid
    title: 'Scans by hour and weekday'
    type: looker_grid
    model: scanmill
    explore: mart_fact
    fields: [mart_fact.local_hour, mart_fact.local_weekday, mart_fact.total_scans]
    pivots: [mart_fact.local_weekday]
    sorts: [mart_fact.local_hour]
    listen:
      days: mart_fact.local_date
      product: mart_fact.product_id
      category: mart_fact.category
      campaign: mart_fact.utm_campaign
      device: mart_fact.camera_model
    limit: 5000
    row: 0
    col: 0
    width: 24
    height: 14
  - name: by_hour
    title: 'Scans by hour'
    type: looker_column
    model: scanmill
    explore: mart_fact
    fields: [mart_fact.local_hour, mart_fact.total_scans]
    sorts: [mart_fact.local_hour]
    listen:
      days: mart_fact.local_date
      product: mart_fact.product_id
      category: mart_fact.category
      campaign: mart_fact.utm_campaign
      device: mart_fact.camera_model
    limit: 5000
    row: 14
    col: 0
    width: 12
    height: 8
  - name: by_weekday
    title: 'Scans by weekday'
    type: looker_column
    model: scanmill
    explore: mart_fact
    fields: [mart_fact.local_weekday, mart_fact.total_scans]
    sorts: [mart_fact.local_weekday]
    listen:
      days: mart_fact.local_date
      product: mart_fact.product_id
      category: mart_fact.category
      campaign: mart_fact.utm_campaign
      device: mart_fact.camera_model
    limit: 5000
    row: 14
    col: 12
    width: 12
    height: 8
