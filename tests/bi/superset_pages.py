"""The pages of config/bi/superset: a database, a dataset for each table and mart, charts and one dashboard."""

import json
import uuid

import yaml

TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "TEXT": "VARCHAR"}
NOTE = "Made from the warehouse's schema by tests/bi/superset_pages.py; a test holds the two together."
# SQLite has no types of time, and Superset compares a text with a day and a time: `2026-03-01` would come before
# `2026-03-01 00:00:00`, and every filter of days would be off by one. With these types it compares days with days.
DATE = {"type": "DATE", "python_date_format": "%Y-%m-%d"}
TIME = {"type": "TIMESTAMP"}


def uuid_of(name):
    """The same for ever, so that a second import replaces the first."""
    return str(uuid.uuid5(uuid.UUID("7f3c1b7e-6a0d-4f0e-9a55-5c616e6d696c"), name))


def summed(column, label=None):
    return {"expressionType": "SQL", "sqlExpression": f"SUM({column})", "label": label or column}


def counted(sql, label):
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label}


SCANS, PHOTOS = summed("scans"), summed("photos")
CELLS = counted("COUNT(DISTINCT h3_cell)", "h3_cells")
ROWS = counted("COUNT(*)", "photos")


class Chart:
    """A chart; `columns` are what it groups by, `raw` what it lists as it stands."""

    def __init__(
        self, title, kind, dataset, metrics=(), columns=(), raw=(), time=None, order=True, limit=1000, place=(4, 50), **params
    ):
        self.title, self.kind, self.dataset, self.time, self.limit = title, kind, dataset, time, limit
        self.metrics, self.columns, self.raw, self.order = list(metrics), list(columns), list(raw), order
        self.place, self.params = place, params

    def filters(self):
        if not self.time:
            return []
        simple = {"clause": "WHERE", "comparator": "No filter", "expressionType": "SIMPLE"}
        return [simple | {"operator": "TEMPORAL_RANGE", "subject": self.time}]

    def form(self):
        form = {"viz_type": self.kind, "adhoc_filters": self.filters(), "row_limit": self.limit, **self.params}
        if self.kind == "table":
            form["query_mode"] = "raw" if self.raw else "aggregate"
            if self.raw:
                form |= {"all_columns": self.raw, "order_by_cols": [json.dumps(list(order)) for order in self.order]}
            else:
                form |= {"groupby": self.columns, "metrics": self.metrics}
                form |= {"order_desc": True, "timeseries_limit_metric": self.metrics[0]}
        elif self.kind in ("big_number_total", "pie", "heatmap_v2", "deck_scatter"):
            form["metric"] = self.metrics[0]
        else:
            form["metrics"] = self.metrics
        if self.kind == "pie" or self.kind.startswith("echarts"):
            form["groupby"] = self.columns
        if self.kind.startswith("echarts"):
            form |= {"x_axis": self.time, "time_grain_sqla": "P1D"}
        return form

    def query(self):
        """What the form asks, as the API takes it; a map is asked for by its form alone."""
        if self.kind == "deck_scatter":
            return None
        columns = list(self.raw or self.columns)
        if self.kind.startswith("echarts"):
            day = {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": self.time, "sqlExpression": self.time}
            columns = [day | {"timeGrain": "P1D"}, *columns]
        query = {"columns": columns, "metrics": None if self.raw else self.metrics, "row_limit": self.limit, "extras": {}}
        query["filters"] = [{"col": self.time, "op": "TEMPORAL_RANGE", "val": "No filter"}] if self.time else []
        if self.raw:
            query["orderby"] = [list(order) for order in self.order]
        elif self.order and self.columns:
            query["orderby"] = [[self.metrics[0], False]]
        # The import writes the dataset's number.
        context = {"datasource": {"id": 0, "type": "table"}, "force": False, "queries": [query], "form_data": self.form()}
        return context | {"result_format": "json", "result_type": "full"}

    def page(self):
        query = self.query()
        return {
            "slice_name": self.title, "viz_type": self.kind, "params": self.form(),
            "query_context": None if query is None else json.dumps(query), "cache_timeout": None,
            "uuid": uuid_of(f"chart {self.title}"), "version": "1.0.0", "dataset_uuid": uuid_of(f"dataset {self.dataset}"),
        }


DAY = "local_date"
CHARTS = [
    Chart("Scans", "big_number_total", "mart_fact", [SCANS], time=DAY, place=(3, 20), subheader="codes read", y_axis_format=",d"),
    Chart("Photos with scans", "big_number_total", "mart_fact", [PHOTOS], time=DAY, place=(3, 20), y_axis_format=",d"),
    Chart("Products", "big_number_total", "mart_fact", [counted("COUNT(DISTINCT product_id)", "products")], time=DAY,
          place=(3, 20), y_axis_format=",d"),
    Chart("Photos rejected", "big_number_total", "rejections", [ROWS], time="processed_at", place=(3, 20), y_axis_format=",d"),
    Chart("Map of scans", "deck_scatter", "mart_fact", [SCANS], time=DAY, place=(12, 60), limit=5000,
          spatial={"type": "latlong", "latCol": "latitude", "lonCol": "longitude"}, size=SCANS,
          point_radius_fixed={"type": "metric", "value": SCANS}, point_unit="square_km", min_radius=3, max_radius=30,
          multiplier=10, autozoom=True, mapbox_style="mapbox://styles/mapbox/light-v9",
          color_picker={"r": 15, "g": 118, "b": 110, "a": 0.7},
          viewport={"latitude": 30, "longitude": 0, "zoom": 1, "bearing": 0, "pitch": 0}),
    Chart("Scans by day", "echarts_timeseries_bar", "mart_fact", [SCANS, PHOTOS], time=DAY, place=(8, 50), order=False, limit=10000),
    Chart("Towns", "table", "mart_fact", [SCANS, PHOTOS], ["city", "region", "country"], time=DAY, place=(4, 50), limit=100),
    Chart("Products by scans", "table", "mart_fact", [SCANS, PHOTOS, CELLS], ["product_id", "url_host", "product_name"],
          time=DAY, place=(6, 50), limit=100),
    Chart("Products by day", "echarts_timeseries_line", "mart_fact", [SCANS], ["product_id"], time=DAY, place=(6, 50), limit=10000),
    Chart("Growth by week", "table", "mart_product_trend",
          raw=[DAY, "product_id", "url_host", "scans_7_days", "scans_7_days_before", "growth"], time=DAY,
          order=((DAY, False), ("scans_7_days", False), ("product_id", True)), place=(12, 50)),
    Chart("Hours and weekdays", "heatmap_v2", "mart_fact", [SCANS], ["local_hour", "local_weekday"], time=DAY,
          place=(6, 50), order=False, x_axis="local_hour", groupby="local_weekday", normalize_across="heatmap", sort_x_axis="alpha_asc", sort_y_axis="alpha_desc",
          linear_color_scheme="superset_seq_1", legend_type="continuous", y_axis_format=",d"),
    Chart("Campaigns by day", "echarts_timeseries_bar", "mart_campaign_day", [SCANS], ["utm_campaign"], time=DAY,
          place=(6, 50), limit=10000, stack="Stack"),
    Chart("Lift of campaigns", "table", "mart_campaign_lift", raw=["utm_campaign", "product_id", "url_host", "campaign_days",
          "other_days", "scans_per_campaign_day", "scans_per_other_day", "lift"],
          order=(("lift", False), ("utm_campaign", True), ("product_id", True), ("url_host", True)), place=(12, 40)),
    Chart("New and returning devices", "echarts_timeseries_bar", "mart_device_day",
          [summed("is_new", "new_devices"), counted("COUNT(*) - SUM(is_new)", "seen_before")], time=DAY,
          place=(6, 50), order=False, limit=10000, stack="Stack"),
    Chart("Rejections by reason", "pie", "rejections", [ROWS], ["reason"], time="processed_at", place=(6, 50),
          show_labels_threshold=0, label_type="key_value"),
    Chart("Freshness", "table", "mart_freshness", raw=["last_captured_at", "last_uploaded_at", "last_loaded_at", "batches",
          "rows_in_batches", "rows_standing"], order=(), place=(12, 20)),
]


def is_time(column):
    return column.endswith(("_at", "_local", "_date"))


def dataset(name, question, columns):
    names = [column for column, *_ in columns]
    usual = (column for column in (DAY, "processed_at", "loaded_at") if column in names)
    main = next(usual, next(filter(is_time, names), None))
    listed = []
    for column, of, _, doc in columns:
        entry = {"column_name": column, "type": TYPES[of], "is_dttm": is_time(column)}
        entry |= {"groupby": True, "filterable": True}
        if is_time(column):
            entry |= DATE if column.endswith("_date") else TIME
        if doc:
            entry["description"] = doc
        listed.append(entry)
    return {
        "table_name": name, "description": question, "main_dttm_col": main, "schema": None, "sql": None,
        "filter_select_enabled": True,
        "columns": listed, "metrics": [{"metric_name": "count", "expression": "COUNT(*)", "metric_type": "count"}],
        "uuid": uuid_of(f"dataset {name}"), "version": "1.0.0", "database_uuid": uuid_of("database"),
    }


def rows_of_charts():
    """The charts in rows of twelve columns."""
    rows, left = [], 0
    for number, chart in enumerate(CHARTS, 1):
        if chart.place[0] > left:
            rows.append([])
            left = 12
        rows[-1].append((number, chart))
        left -= chart.place[0]
    return rows


def native_filter(name, kind, target, excluded, **more):
    return {
        "id": f"NATIVE_FILTER-{name}", "name": name, "type": "NATIVE_FILTER", "filterType": kind, "targets": target,
        "description": "", "cascadeParentIds": [], "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        "controlValues": {"enableEmptyFilter": False, **more},
        "scope": {"rootPath": ["ROOT_ID"], "excluded": excluded},
    }


def dashboard():
    position = {"DASHBOARD_VERSION_KEY": "v2", "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]}}
    position["HEADER_ID"] = {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": "Scans"}}
    ids = []
    for place, row in enumerate(rows_of_charts(), 1):
        key, children = f"ROW-{place}", []
        for number, chart in row:
            child = f"CHART-{number}"
            children.append(child)
            meta = {"chartId": number, "uuid": uuid_of(f"chart {chart.title}"), "sliceName": chart.title}
            meta |= {"width": chart.place[0], "height": chart.place[1]}
            parents = ["ROOT_ID", "GRID_ID", key]
            position[child] = {"id": child, "type": "CHART", "children": [], "parents": parents, "meta": meta}
        position[key] = {"id": key, "type": "ROW", "children": children, "parents": ["ROOT_ID", "GRID_ID"]}
        position[key]["meta"] = {"background": "BACKGROUND_TRANSPARENT"}
        ids.append(key)
    position["GRID_ID"] = {"id": "GRID_ID", "type": "GRID", "children": ids, "parents": ["ROOT_ID"]}
    numbers = list(enumerate(CHARTS, 1))
    timeless = [number for number, chart in numbers if not chart.time]
    filters = [native_filter("Days", "filter_time", [{}], timeless)]
    for name, column in (("Product", "product_id"), ("Campaign", "utm_campaign"), ("Country", "country"), ("Device", "camera_model")):
        target = [{"column": {"name": column}, "datasetUuid": uuid_of("dataset mart_fact")}]
        others = [number for number, chart in numbers if chart.dataset != "mart_fact"]
        filters.append(native_filter(name, "filter_select", target, others, multiSelect=True, searchAllOptions=True))
    return {
        "dashboard_title": "Scans", "description": "Where, when and of what people scan codes, and what gave no scan.",
        "css": "", "slug": "scanmill", "uuid": uuid_of("dashboard"), "position": position,
        "metadata": {"native_filter_configuration": filters, "cross_filters_enabled": True}, "version": "1.0.0",
    }


def text_of(page):
    return f"# {NOTE}\n" + yaml.safe_dump(page, sort_keys=False, allow_unicode=True, width=120)


def slug(title):
    return title.lower().replace(" ", "_")


def superset(found):
    """Path in config/bi and text of every page; `found` is what `pages.relations` gives."""
    database = {
        "database_name": "scanmill", "sqlalchemy_uri": "sqlite:////path/to/warehouse.sqlite", "expose_in_sqllab": True,
        "allow_ctas": False, "allow_cvas": False, "allow_dml": False, "allow_csv_upload": False, "extra": {}, "uuid": uuid_of("database"), "version": "1.0.0",
    }
    made = {
        "metadata.yaml": {"version": "1.0.0", "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/scanmill.yaml": database,
        "dashboards/scans.yaml": dashboard(),
    }
    made |= {f"datasets/scanmill/{name}.yaml": dataset(name, question, columns) for name, question, columns in found}
    made |= {f"charts/{slug(chart.title)}.yaml": chart.page() for chart in CHARTS}
    return {f"superset/{path}": text_of(page) for path, page in made.items()}
