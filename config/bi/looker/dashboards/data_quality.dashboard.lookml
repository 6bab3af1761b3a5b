- dashboard: data_quality
  title: Data quality
  description: 'How fresh and complete the warehouse is, and how far to trust it.'
  layout: newspaper
  preferred_viewer: dashboards-next
  elements:
  - name: fresh
    title: 'Freshness'
    type: looker_single_record
    model: scanmill
    explore: mart_freshness
    fields: [mart_freshness.last_captured_time, mart_freshness.last_uploaded_time, mart_freshness.last_processed_time, mart_freshness.last_sealed_time, mart_freshness.last_loaded_time, mart_freshness.max_batches, mart_freshness.max_rows_in_batches, mart_freshness.max_rows_standing]
    limit: 5000
    row: 0
    col: 0
    width: 12
    height: 8
  - name: rejected
    title: 'Why photos gave no scan'
    type: looker_bar
    model: scanmill
    explore: mart_rejections
    fields: [mart_rejections.reason, mart_rejections.stage, mart_rejections.total_photos]
    sorts: [mart_rejections.total_photos desc]
    limit: 5000
    row: 0
    col: 12
    width: 12
    height: 8
  - name: trust
    title: 'Where times and places came from'
    type: looker_grid
    model: scanmill
    explore: mart_provenance
    fields: [mart_provenance.captured_at_source, mart_provenance.geo_source, mart_provenance.total_scans, mart_provenance.share]
    sorts: [mart_provenance.total_scans desc]
    limit: 5000
    row: 8
    col: 0
    width: 12
    height: 8
  - name: ids
    title: 'Where product ids came from'
    type: looker_bar
    model: scanmill
    explore: mart_product_id_source
    fields: [mart_product_id_source.product_id_source, mart_product_id_source.total_scans]
    sorts: [mart_product_id_source.total_scans desc]
    limit: 5000
    row: 8
    col: 12
    width: 12
    height: 8
