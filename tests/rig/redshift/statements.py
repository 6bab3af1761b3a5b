"""Submitted statements: their state, their results, and how long both are kept."""

import threading
import time
import uuid

ENDED = ("FINISHED", "FAILED", "ABORTED")
RESULT_SECONDS = 24 * 3600

# PostgreSQL's type by number, as the Data API names it, and the field its values travel in.
TYPES = {16: ("bool", "booleanValue"), 20: ("int8", "longValue"), 21: ("int2", "longValue"), 23: ("int4", "longValue"),
         26: ("oid", "longValue"), 700: ("float4", "doubleValue"), 701: ("float8", "doubleValue"), 1043: ("varchar", "stringValue"),
         25: ("varchar", "stringValue"), 1042: ("bpchar", "stringValue"), 1700: ("numeric", "stringValue"),
         1082: ("date", "stringValue"), 1114: ("timestamp", "stringValue"), 1184: ("timestamptz", "stringValue"),
         3802: ("super", "stringValue")}


class Part:
    """One SQL text: the whole of ExecuteStatement, or a sub-statement of a batch."""

    def __init__(self, part_id, sql, bound, query_id, now):
        self.id, self.sql, self.bound, self.query_id = part_id, sql, bound, query_id
        self.status, self.error, self.translated = "SUBMITTED", None, None
        self.created = self.updated = now
        self.started = None
        self.duration = -1
        self.result_rows, self.result_size = -1, -1
        self.columns, self.records = None, None

    def begin(self):
        self.started = time.monotonic_ns()
        self.status, self.updated = "STARTED", time.time()

    def end(self, status, error):
        self.status, self.error, self.updated = status, error, time.time()
        self.duration = time.monotonic_ns() - self.started if self.started else -1

    def keep(self, cursor):
        """Reads a result set, as the Data API's fields."""
        kinds = [TYPES.get(column.type_code, ("varchar", "stringValue")) for column in cursor.description]
        self.columns = [
            {"name": column.name, "label": column.name, "typeName": kind[0], "nullable": 1, "length": 0, "precision": column.precision or 0,
             "scale": column.scale or 0, "isCaseSensitive": kind[1] == "stringValue", "isCurrency": False,
             "isSigned": kind[1] in ("longValue", "doubleValue"), "schemaName": "", "tableName": ""}
            for column, kind in zip(cursor.description, kinds)]
        self.records = [[_field(value, kind) for value, kind in zip(row, kinds)] for row in cursor.fetchall()]
        self.result_rows = len(self.records)
        self.result_size = sum(len(str(next(iter(each.values())))) for record in self.records for each in record)

    def described(self):
        answer = {"Id": self.id, "Status": self.status, "QueryString": self.sql, "RedshiftQueryId": self.query_id,
                  "HasResultSet": self.records is not None, "ResultRows": self.result_rows, "ResultSize": self.result_size,
                  "Duration": self.duration, "CreatedAt": self.created, "UpdatedAt": self.updated}
        return answer | ({"Error": self.error} if self.error else {})


def _field(value, kind):
    if value is None:
        return {"isNull": True}
    if kind[1] == "longValue":
        return {"longValue": int(value)}
    if kind[1] in ("booleanValue", "doubleValue"):
        return {kind[1]: value}
    return {"stringValue": str(value)}


class Statement:
    def __init__(self, sqls, bound, is_batch, request, now, next_query_id):
        self.id = str(uuid.uuid4())
        self.is_batch = is_batch
        self.parts = [Part(f"{self.id}:{number}" if is_batch else self.id, sql, text, next_query_id(), now)
                      for number, (sql, text) in enumerate(zip(sqls, bound), 1)]
        self.database = request["Database"]
        self.is_serverless = "WorkgroupName" in request
        self.user = request.get("DbUser", "IAM:rig")
        self.request = request
        self.status, self.error = "SUBMITTED", None
        self.created = self.updated = now
        self.started = time.monotonic_ns()
        self.duration = -1
        self.connection = None
        self.cancelled = threading.Event()

    def is_ended(self):
        return self.status in ENDED

    def part(self, part_id):
        return next((part for part in self.parts if part.id == part_id), None)

    def origin(self):
        """Where it ran, as every answer repeats it."""
        names = ("ClusterIdentifier", "WorkgroupName", "Database", "DbUser", "SecretArn")
        return {name: self.request[name] for name in names if name in self.request}

    def described(self):
        last = self.parts[-1]
        answer = self.origin() | {
            "Id": self.id, "Status": self.status, "CreatedAt": self.created, "UpdatedAt": self.updated, "Duration": self.duration,
            "HasResultSet": any(part.records is not None for part in self.parts), "RedshiftPid": 0, "ResultFormat": "JSON",
            "RedshiftQueryId": 0 if self.is_batch else last.query_id, "ResultSize": -1 if self.is_batch else last.result_size,
            "ResultRows": -1 if self.is_batch else last.result_rows}
        if self.is_batch:
            answer["SubStatements"] = [part.described() for part in self.parts]
            answer["ExecutionMode"] = "TRANSACTION"
        else:
            answer["QueryString"] = last.sql
        if "Parameters" in self.request:
            answer["QueryParameters"] = self.request["Parameters"]
        return answer | ({"Error": self.error} if self.error else {})

    def listed(self):
        answer = {"Id": self.id, "Status": self.status, "CreatedAt": self.created, "UpdatedAt": self.updated,
                  "IsBatchStatement": self.is_batch, "StatementName": self.request.get("StatementName", "")}
        return answer | ({"QueryStrings": [part.sql for part in self.parts]} if self.is_batch else {"QueryString": self.parts[0].sql})
