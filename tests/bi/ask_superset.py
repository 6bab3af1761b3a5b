"""ask_superset.py FOLDER: imports superset.zip by Superset's API and asks each chart about the warehouse.

FOLDER holds superset.zip and data/warehouse.sqlite, and Superset puts what is its own there too. Nothing listens: the API is
asked within this process, as Flask's test client does it.
"""

import datetime
import io
import json
import os
import pathlib
import sqlite3
import sys

CONFIG = """
SECRET_KEY = "of a test alone, of a test alone, of a test alone"
SQLALCHEMY_DATABASE_URI = "sqlite:///{home}/superset.db"
PREVENT_UNSAFE_DB_CONNECTIONS = False
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
"""

# What each chart must answer, by SQL of our own. {days} and {when} stand for the filter, by day and by time.
FACTS = "COUNT(*), SUM(qr_index = 0)"
DEVICES = """
SELECT local_date, SUM(local_date = first), SUM(local_date > first)
FROM (SELECT DISTINCT local_date, camera_make, camera_model FROM scans WHERE local_date IS NOT NULL)
JOIN (SELECT camera_make, camera_model, MIN(local_date) AS first FROM scans GROUP BY 1, 2) USING (camera_make, camera_model)
WHERE COALESCE(camera_make, camera_model) IS NOT NULL AND {days} GROUP BY local_date
"""
NAMED = """
(SELECT name FROM products AS p WHERE p.product_id = s.product_id AND name <> ''
 AND COALESCE(p.url_host, '') IN ('', s.url_host) ORDER BY COALESCE(p.url_host, '') = '' LIMIT 1)
"""
CELLS = "COUNT(DISTINCT h3_cell)"
OURS = {
    "Scans": "SELECT COUNT(*) FROM scans WHERE {days}",
    "Photos with scans": "SELECT COUNT(DISTINCT photo_id) FROM scans WHERE {days}",
    "Products": "SELECT COUNT(DISTINCT product_id) FROM scans WHERE {days}",
    "Photos rejected": "SELECT COUNT(*) FROM rejections WHERE {when}",
    "Map of scans": "SELECT ROUND(longitude, 2), ROUND(latitude, 2), COUNT(*) FROM scans WHERE latitude IS NOT NULL AND {days} GROUP BY 1, 2",
    "Scans by day": f"SELECT local_date, {FACTS} FROM scans WHERE {{days}} GROUP BY 1",
    "Towns": f"SELECT city, region, country, {FACTS} FROM scans WHERE {{days}} GROUP BY 1, 2, 3",
    "Products by scans": f"SELECT product_id, url_host, {NAMED}, {FACTS}, {CELLS} FROM scans AS s WHERE {{days}} GROUP BY 1, 2",
    "Products by day": "SELECT local_date, product_id, COUNT(*) FROM scans WHERE {days} GROUP BY 1, 2",
    "Growth by week": "SELECT local_date, product_id, url_host, scans_7_days, scans_7_days_before, growth"
    " FROM mart_product_trend WHERE {days}",
    "Hours and weekdays": "SELECT local_hour, local_weekday, COUNT(*) FROM scans WHERE {days} GROUP BY 1, 2",
    "Campaigns by day": "SELECT local_date, utm_campaign, COUNT(*) FROM scans"
    " WHERE utm_campaign IS NOT NULL AND local_date IS NOT NULL AND {days} GROUP BY 1, 2",
    "Lift of campaigns": "SELECT utm_campaign, product_id, url_host, campaign_days, other_days, scans_per_campaign_day,"
    " scans_per_other_day, lift FROM mart_campaign_lift",
    "New and returning devices": DEVICES,
    "Rejections by reason": "SELECT reason, COUNT(*) FROM rejections WHERE {when} GROUP BY 1",
    "Freshness": "SELECT last_captured_at, last_uploaded_at, last_loaded_at, batches, rows_in_batches, rows_standing"
    " FROM mart_freshness",
}


class Api:
    """Superset with an administrator who has logged in."""

    def __init__(self, home):
        (home / "superset_config.py").write_text(CONFIG.format(home=home))
        os.environ |= {"SUPERSET_CONFIG_PATH": str(home / "superset_config.py"), "SUPERSET_HOME": str(home)}
        from superset.app import create_app

        app = create_app()
        with app.app_context():
            import flask_migrate
            import superset

            flask_migrate.upgrade(directory=str(pathlib.Path(superset.__file__).parent / "migrations"))
            superset.appbuilder.add_permissions(update_perms=True)
            superset.security_manager.sync_role_definitions()
            role = superset.security_manager.find_role("Admin")
            superset.security_manager.add_user("admin", "A", "B", "admin@example.com", role, password="admin")
        self.client = app.test_client()
        told = {"username": "admin", "password": "admin"}
        token = self.client.post("/api/v1/security/login", json=told | {"provider": "db"}).json["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        # The map is asked for by a path that takes a session alone.
        self.client.post("/login/", data=told)

    def ask(self, method, path, **more):
        answer = getattr(self.client, method)(path, headers=self.headers, **more)
        assert answer.status_code == 200, (path, answer.status_code, answer.get_data(as_text=True)[:2000])
        return answer.json


def cell(column, value):
    if column == "local_date" and isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value / 1000, datetime.UTC).date().isoformat()
    return round(value, 9) if isinstance(value, float) else value


def alike(rows):
    return sorted((tuple(row) for row in rows), key=repr)


def of_map(api, chart, span):
    form = json.loads(api.ask("get", f"/api/v1/chart/{chart['id']}")["result"]["params"])
    if span:
        form["extra_form_data"] = {"time_range": span}
    answer = api.ask("post", "/superset/explore_json/", data={"form_data": json.dumps(form)})
    rows = {}
    for feature in answer["data"]["features"]:
        place = tuple(round(value, 9) for value in feature["position"])
        rows[place] = rows.get(place, 0) + feature["radius"]
    return [(*place, scans) for place, scans in rows.items()]


def of_chart(api, chart, column, span, more=()):
    """The rows of a chart; `span` is put where the dashboard's filter of days puts it."""
    if chart["viz_type"] == "deck_scatter":
        return of_map(api, chart, span)
    if span is None and not more:
        answer = api.ask("get", f"/api/v1/chart/{chart['id']}/data/")
    else:
        context = json.loads(api.ask("get", f"/api/v1/chart/{chart['id']}")["result"]["query_context"])
        for one in context["queries"][0]["filters"]:
            if one["col"] == column:
                one["val"] = span or "No filter"
        context["queries"][0]["filters"] += more
        answer = api.ask("post", "/api/v1/chart/data", json=context)
    rows = answer["result"][0]["data"]
    return [[cell(name, value) for name, value in row.items()] for row in rows]


def check_charts(api, lite):
    charts = {chart["slice_name"]: chart for chart in api.ask("get", "/api/v1/chart/?q=(page_size:100)")["result"]}
    assert set(charts) == set(OURS), set(charts) ^ set(OURS)

    def ours(sql, days="1", when="1"):
        return alike([cell("", value) for value in row] for row in lite.execute(sql.format(days=days, when=when)))

    dates = [date for (date,) in lite.execute("SELECT DISTINCT local_date FROM scans WHERE local_date > '' ORDER BY 1")]
    first, end = dates[len(dates) // 4], dates[len(dates) * 3 // 4]
    spans = {None: "1", f"{first} : {end}": f"{{}} >= '{first}' AND {{}} < '{end}'"}
    for title, sql in OURS.items():
        seen = []
        for span, filtered in spans.items():
            expected = ours(sql, filtered.replace("{}", "local_date"), filtered.replace("{}", "processed_at"))
            column = "processed_at" if "{when}" in sql else "local_date"
            theirs = alike(of_chart(api, charts[title], column, span))
            assert theirs == expected, (title, span, theirs[:5], expected[:5], len(theirs), len(expected))
            seen.append(expected)
        # What a filter that does nothing would answer too says nothing about it.
        assert seen[0] and (seen[0] != seen[1] or title != "Scans"), title
    # A time within the day, which text with a `T` in it would get wrong.
    last = lite.execute("SELECT MAX(processed_at) FROM rejections").fetchone()[0]
    after = datetime.datetime.fromisoformat(last).replace(microsecond=0) + datetime.timedelta(seconds=1)
    span = f"{after.isoformat()} : {(after + datetime.timedelta(days=1)).isoformat()}"
    assert of_chart(api, charts["Photos rejected"], "processed_at", span) == [[0]]
    of_product = [{"col": "product_id", "op": "IN", "val": ["p0"]}]
    expected = ours("SELECT COUNT(*) FROM scans WHERE product_id = 'p0'")
    assert alike(of_chart(api, charts["Scans"], "local_date", None, of_product)) == expected != []
    return charts


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    lite = sqlite3.connect(f"file:{folder}/data/warehouse.sqlite?mode=ro", uri=True)
    home = folder / "superset-home"
    home.mkdir()
    api = Api(home)
    # Whoever imports it twice has it once.
    for _ in range(2):
        parts = {"formData": (io.BytesIO((folder / "superset.zip").read_bytes()), "superset.zip"), "overwrite": "true"}
        api.ask("post", "/api/v1/dashboard/import/", data=parts, content_type="multipart/form-data")
    charts = check_charts(api, lite)
    drawn = api.ask("get", "/api/v1/dashboard/scanmill/charts")["result"]
    assert {chart["slice_name"] for chart in drawn} == set(charts)
    told = json.loads(api.ask("get", "/api/v1/dashboard/scanmill")["result"]["json_metadata"])
    for one in told["native_filter_configuration"]:
        assert all(target == {} or target["datasetId"] for target in one["targets"]), one
    datasets = api.ask("get", "/api/v1/dataset/?q=(page_size:100)")["result"]
    print(f"{len(datasets)} datasets, {len(charts)} charts answer what our SQL does")


main()
