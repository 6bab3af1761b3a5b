- dashboard: devices
  title: New and returning devices
  description: 'Models of devices, not people. A photo names nobody.'
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
  - name: days
    title: Days
    type: field_filter
    model: scanmill
    explore: mart_device_day
    field: mart_device_day.local_date
    default_value: 90 days
  - name: maker
    title: Maker
    type: field_filter
    model: scanmill
    explore: mart_device_day
    field: mart_device_day.camera_make
  elements:
  - name: new
    title: 'Photos of new (1) and returning (0) models'
    type: looker_column
    model: scanmill
    explore: mart_device_day
    fields: [mart_device_day.local_date, mart_device_day.is_new, mart_device_day.total_photos]
    pivots: [mart_device_day.is_new]
    sorts: [mart_device_day.local_date]
    listen:
      days: mart_device_day.local_date
      maker: mart_device_day.camera_make
    limit: 5000
    row: 0
    col: 0
    width: 24
    height: 8
  - name: models
    title: 'Models'
    type: looker_grid
    model: scanmill
    explore: mart_device_day
    fields: [mart_device_day.camera_make, mart_device_day.camera_model, mart_device_day.total_photos, mart_device_day.total_scans]
    sorts: [mart_device_day.total_photos desc]
    listen:
      days: mart_device_day.local_date
      maker: mart_device_day.camera_make
    limit: 5000
    row: 8
    col: 0
    width: 12
    height: 8
  - name: first
    title: 'Models first seen'
    type: looker_grid
    model: scanmill
    explore: mart_device_day
    fields: [mart_device_day.first_local_date, mart_device_day.camera_make, mart_device_day.camera_model, mart_device_day.total_photos]
    sorts: [mart_device_day.first_local_date desc]
    filters:
      mart_device_day.is_new: "1"
    listen:
      days: mart_device_day.local_date
      maker: mart_device_day.camera_make
    limit: 5000
    row: 8
    col: 12
    width: 12
    height: 8
