# Set `connection` to the name of your connection in Looker.
connection: "scanmill"

include: "/views/*.view.lkml"
include: "/dashboards/*.dashboard.lookml"

# Everything about scans whose charts share their filters: day, hour, product, place, campaign, device.
explore: mart_fact { label: "Scans" }
explore: mart_product_trend { label: "Product trend" }
explore: mart_product_anomaly { label: "Unusual days" }
explore: mart_campaign_day { label: "Campaigns by day" }
explore: mart_campaign_lift { label: "Campaign lift" }
explore: mart_device_day { label: "Devices by day" }
explore: mart_rejections { label: "Rejections" }
explore: mart_provenance { label: "Sources of time and place" }
explore: mart_product_id_source { label: "Sources of product ids" }
explore: mart_freshness { label: "Freshness" }
# The rows themselves.
explore: scans {}
explore: rejections {}
