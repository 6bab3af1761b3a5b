- dashboard: campaigns
  title: Campaigns
  description: 'How each campaign runs, and what it brings its products.'
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
  - name: days
    title: Days
    type: field_filter
    model: scanmill
    explore: mart_campaign_day
    field: mart_campaign_day.local_date
    default_value: 90 days
  - name: campaign
    title: Campaign
    type: field_filter
    model: scanmill
    explore: mart_campaign_day
    field: mart_campaign_day.utm_campaign
  elements:
  - name: by_day
    title: 'Scans by day'
    type: looker_area
    model: scanmill
    explore: mart_campaign_day
    fields: [mart_campaign_day.local_date, mart_campaign_day.utm_campaign, mart_campaign_day.total_scans]
    pivots: [mart_campaign_day.utm_campaign]
    sorts: [mart_campaign_day.local_date]
    listen:
      days: mart_campaign_day.local_date
      campaign: mart_campaign_day.utm_campaign
    limit: 5000
    row: 0
    col: 0
    width: 24
    height: 8
  - name: lift
    title: 'Lift by product (above 1: more scans a day)'
    type: looker_grid
    model: scanmill
    explore: mart_campaign_lift
    fields: [mart_campaign_lift.utm_campaign, mart_campaign_lift.product_id, mart_campaign_lift.url_host, mart_campaign_lift.product_name, mart_campaign_lift.campaign_days, mart_campaign_lift.scans_per_campaign_day, mart_campaign_lift.scans_per_other_day, mart_campaign_lift.max_lift]
    sorts: [mart_campaign_lift.max_lift desc]
    listen:
      campaign: mart_campaign_lift.utm_campaign
    limit: 5000
    row: 8
    col: 0
    width: 12
    height: 8
  - name: media
    title: 'Sources and media'
    type: looker_bar
    model: scanmill
    explore: mart_campaign_day
    fields: [mart_campaign_day.utm_source, mart_campaign_day.utm_medium, mart_campaign_day.total_scans]
    sorts: [mart_campaign_day.total_scans desc]
    listen:
      days: mart_campaign_day.local_date
      campaign: mart_campaign_day.utm_campaign
    limit: 5000
    row: 8
    col: 12
    width: 12
    height: 8
