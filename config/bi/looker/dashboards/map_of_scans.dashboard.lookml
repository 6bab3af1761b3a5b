- dashboard: map_of_scans
  title: Map of scans
  description: 'Where people scan. Every chart follows every filter.'
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
  - name: map
    title: 'Scans by place'
    type: looker_map
    model: scanmill
    explore: mart_fact
    fields: [mart_fact.location, mart_fact.total_scans]
    sorts: [mart_fact.total_scans desc]
    listen:
      days: mart_fact.local_date
      product: mart_fact.product_id
      category: mart_fact.category
      campaign: mart_fact.utm_campaign
      device: mart_fact.camera_model
    limit: 5000
    map_plot_mode: points
    map_marker_proportional_value_type: linear
    row: 0
    col: 0
    width: 24
    height: 12
  - name: areas
    title: 'Largest areas (H3 cells of resolution 3)'
    type: looker_bar
    model: scanmill
    explore: mart_fact
    fields: [mart_fact.h3_cell_3, mart_fact.total_scans]
    sorts: [mart_fact.total_scans desc]
    listen:
      days: mart_fact.local_date
      product: mart_fact.product_id
      category: mart_fact.category
      campaign: mart_fact.utm_campaign
      device: mart_fact.camera_model
    limit: 5000
    row: 12
    col: 0
    width: 12
    height: 8
  - name: days_of_map
    title: 'Scans by day'
    type: looker_column
    model: scanmill
    explore: mart_fact
    fields: [mart_fact.local_date, mart_fact.total_scans]
    sorts: [mart_fact.local_date]
    listen:
      days: mart_fact.local_date
      product: mart_fact.product_id
      category: mart_fact.category
      campaign: mart_fact.utm_campaign
      device: mart_fact.camera_model
    limit: 5000
    row: 12
    col: 12
    width: 12
    height: 8
