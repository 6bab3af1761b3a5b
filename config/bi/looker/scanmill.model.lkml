# Set `connection` to the name of your connection in Looker.
connection: "scanmill"

include: "/views/*.view.lkml"
include: "/dashboards/*.dashboard.lookml"

# Everything about scans whose charts share their filters: day, hour, product, place, campaign, device.
explore: mart_fact { label: "Scans" }
explore: mart_product { label: "Products" }
explore: mart_product_day { label: "Products by day" }
explore: mart_product_trend { label: "Product trend" }
explore: mart_product_anomaly { label: "Unusual days" }
explore: mart_day { label: "Days" }
explore: mart_hour_weekday { label: "Hours and weekdays" }
explore: mart_h3_map { label: "Map of H3 cells" }
explore: mart_place_day { label: "Towns by day" }
explore: mart_campaign_day { label: "Campaigns by day" }
explore: mart_campaign_lift { label: "Campaign lift" }
explore: mart_device { label: "Devices" }
explore: mart_device_day { label: "Devices by day" }
explore: mart_payload { label: "Kinds of payload" }
explore: mart_photo { label: "Photos" }
explore: mart_rejections { label: "Rejections" }
explore: mart_provenance { label: "Sources of time and place" }
explore: mart_product_id_source { label: "Sources of product ids" }
explore: mart_rung { label: "Rungs of the decode ladder" }
explore: mart_freshness { label: "Freshness" }
# The rows themselves, the loads that brought them, and the names that products were given.
explore: scans {}
explore: rejections {}
explore: load_ledger {}
explore: products {}
