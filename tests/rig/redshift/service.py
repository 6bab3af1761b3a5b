"""The Data API's actions, as botocore's service model (redshift-data, 2019-12-20) has them."""

import collections
import json
import re
import threading
import time

from . import execute
from .faults import Faults, Settings
from .statements import ENDED, RESULT_SECONDS, Statement
from .tokens import SqlError, literal, text, tokenize

TOKEN_SECONDS = 8 * 3600
MAX_SQL_BYTES = 100 * 1024
MAX_SQLS = 40
# Statements that run at a time; the others wait as SUBMITTED. Each takes up to two of PostgreSQL's connections.
SLOTS = 50
ID_PATTERN = r"[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\d{0,2})?"

TARGET = {"ClusterIdentifier", "SecretArn", "DbUser", "Database", "WorkgroupName"}
SUBMIT = TARGET | {"WithEvent", "StatementName", "Parameters", "ClientToken", "ResultFormat", "WaitTimeSeconds"}
# Members of each action; one the stand-in does not carry out is refused rather than passed over.
MEMBERS = {
    "ExecuteStatement": SUBMIT | {"Sql"},
    "BatchExecuteStatement": SUBMIT | {"Sqls", "ExecutionMode"},
    "DescribeStatement": {"Id", "WaitTimeSeconds"},
    "GetStatementResult": {"Id", "NextToken", "WaitTimeSeconds"},
    "CancelStatement": {"Id"},
    "ListStatements": {"NextToken", "MaxResults", "StatementName", "Status", "RoleLevel", "Database", "ClusterIdentifier", "WorkgroupName"},
}


class ApiError(Exception):
    def __init__(self, code, message, status=400, **more):
        super().__init__(message)
        self.code, self.message, self.status, self.more = code, message, status, more


def invalid(message):
    return ApiError("ValidationException", message)


def missing(what, identity):
    return ApiError("ResourceNotFoundException", what, ResourceId=identity)


class Service:
    def __init__(self, postgres, s3):
        self.postgres, self.s3 = postgres, s3
        self.settings, self.faults = Settings(), Faults()
        self.changed = threading.Condition()
        self.slots = threading.BoundedSemaphore(SLOTS)
        self.statements, self.tokens = {}, {}
        self.calls, self.sqls = collections.Counter(), []

    def now(self):
        return time.time() + self.settings.clock_ahead_seconds

    def database_of(self, request):
        """The database a call is about: named, or that of the statement it asks for."""
        statement = self.statements.get(str(request.get("Id", "")).split(":")[0])
        return statement.database if statement else request.get("Database")

    def handle(self, action, request):
        """One API call: a dict to answer with, or `ApiError`."""
        if action not in MEMBERS:
            raise ApiError("UnknownOperationException", f"the stand-in does not know {action}", 404)
        for member in request:
            if member not in MEMBERS[action]:
                raise invalid(f"the stand-in does not carry out {member} of {action}")
        if f"redshift-data:{action}" in self.settings.denied_actions or action in self.settings.denied_actions:
            raise ApiError("AccessDeniedException", "User: arn:aws:iam::123456789012:user/rig is not authorized to perform: "
                           f"redshift-data:{action} because no identity-based policy allows the redshift-data:{action} action")
        if "WaitTimeSeconds" in request:
            if self.settings.wait == "refused":
                raise invalid("Unknown parameter: WaitTimeSeconds")
            if not isinstance(request["WaitTimeSeconds"], int) or not 1 <= request["WaitTimeSeconds"] <= 30:
                raise invalid("WaitTimeSeconds must be between 1 and 30")
        return getattr(self, "_" + re.sub("(?<!^)(?=[A-Z])", "_", action).lower())(request)

    # Submitting

    def _execute_statement(self, request):
        if not isinstance(request.get("Sql"), str) or not request["Sql"].strip():
            raise invalid("Sql must not be empty")
        return self._submit([request["Sql"]], False, request)

    def _batch_execute_statement(self, request):
        sqls = request.get("Sqls")
        if not isinstance(sqls, list) or not 1 <= len(sqls) <= MAX_SQLS:
            raise invalid(f"1 validation error detected: Value at 'sqls' failed to satisfy constraint: Member must have length less than "
                          f"or equal to {MAX_SQLS} and at least 1")
        if request.get("ExecutionMode", "TRANSACTION") != "TRANSACTION":
            raise invalid("the stand-in does ExecutionMode TRANSACTION only")
        return self._submit(sqls, True, request)

    def _submit(self, sqls, is_batch, request):
        self._check_target(request)
        for sql in sqls:
            if len(sql.encode()) > MAX_SQL_BYTES:
                raise invalid(f"Query text exceeds the maximum of {MAX_SQL_BYTES} bytes")
        if request.get("ResultFormat", "JSON") != "JSON":
            raise invalid("the stand-in does ResultFormat JSON only")
        token = request.get("ClientToken")
        if token is not None and not 1 <= len(token) <= 64:
            raise invalid("ClientToken must have length 1 to 64")
        essence = json.dumps({name: value for name, value in request.items() if name != "WaitTimeSeconds"} | {"b": is_batch}, sort_keys=True)
        bound = bind(sqls, request.get("Parameters", []))
        with self.changed:
            if token in self.tokens:
                known, identity, at = self.tokens[token]
                if self.now() - at <= TOKEN_SECONDS:
                    if known != essence:
                        raise invalid("ClientToken was used before with other parameters")
                    return self._submitted(self.statements[identity], request)
            if sum(not each.is_ended() for each in self.statements.values()) >= self.settings.active_limit:
                raise ApiError("ActiveStatementsExceededException", "Active statements exceeded the allowed quota "
                               f"({self.settings.active_limit})")
            statement = Statement(sqls, bound, is_batch, request, self.now(), execute.next_query_id)
            self.statements[statement.id] = statement
            self.sqls.extend(sqls)
            if token is not None:
                self.tokens[token] = (essence, statement.id, self.now())
        threading.Thread(target=execute.run, args=(statement, self), daemon=True).start()
        return self._submitted(statement, request)

    def _submitted(self, statement, request):
        answer = statement.origin() | {"Id": statement.id, "CreatedAt": statement.created}
        if "WaitTimeSeconds" in request:
            self._wait(statement, request)
            answer |= {"Status": statement.status, "HasResultSet": any(part.records is not None for part in statement.parts)}
        return answer

    def _check_target(self, request):
        workgroup, cluster = request.get("WorkgroupName"), request.get("ClusterIdentifier")
        if not workgroup and not cluster:
            raise invalid("Either ClusterIdentifier or WorkgroupName needs to be specified.")
        if workgroup and cluster:
            raise invalid("Only one of ClusterIdentifier and WorkgroupName may be specified.")
        if not request.get("Database"):
            raise invalid("Database name is required.")
        if workgroup and "DbUser" in request:
            raise invalid("DbUser cannot be specified with WorkgroupName.")
        if "DbUser" in request and "SecretArn" in request:
            raise invalid("Only one of DbUser and SecretArn may be specified.")
        if (workgroup or "").split("/")[-1] not in self.settings.workgroups + [""] or (cluster and cluster not in self.settings.clusters):
            raise invalid("Redshift endpoint doesn't exist in this region.")

    # Asking

    def _describe_statement(self, request):
        statement, part = self._find(request)
        self._wait(statement, request)
        with self.changed:
            return statement.described() if part is None or not statement.is_batch else part.described()

    def _get_statement_result(self, request):
        statement, part = self._find(request)
        self._wait(statement, request)
        if part is None or part.records is None or statement.status != "FINISHED":
            raise missing("Query does not have result. Please check query status with DescribeStatement.", request["Id"])
        at = request.get("NextToken", "0")
        if not at.isdigit() or int(at) > len(part.records):
            raise invalid("Invalid NextToken")
        start, end = int(at), int(at) + self.settings.page_rows
        answer = {"Records": part.records[start:end], "ColumnMetadata": part.columns, "TotalNumRows": len(part.records)}
        return answer | ({"NextToken": str(end)} if end < len(part.records) else {})

    def _cancel_statement(self, request):
        statement, part = self._find(request)
        if part is not None and statement.is_batch:
            raise invalid("A sub-statement cannot be cancelled: cancel the batch")
        with self.changed:
            if statement.is_ended():
                raise invalid(f"Could not cancel a query that is already in {statement.status} state with ID: {statement.id}")
            statement.cancelled.set()
            if statement.connection is not None:
                statement.connection.cancel()
            self.changed.notify_all()
        return {"Status": True}

    def _list_statements(self, request):
        wanted = request.get("Status", "ALL")
        with self.changed:
            found = [each.listed() for each in reversed(self.statements.values())
                     if wanted in ("ALL", each.status) and self._is_kept(each)
                     and each.request.get("StatementName", "").startswith(request.get("StatementName", ""))]
        if not request.get("NextToken", "0").isdigit():
            raise invalid("Invalid NextToken")
        start = int(request.get("NextToken", "0"))
        end = start + (request.get("MaxResults") or 100)
        return {"Statements": found[start:end]} | ({"NextToken": str(end)} if end < len(found) else {})

    def _find(self, request):
        identity = request.get("Id", "")
        if not re.fullmatch(ID_PATTERN, identity):
            raise invalid(f"Id {identity!r} must satisfy regular expression pattern: {ID_PATTERN}")
        statement = self.statements.get(identity.split(":")[0])
        part = statement.part(identity) if statement else None
        if statement is None or not self._is_kept(statement) or (":" in identity and part is None):
            raise missing("Query does not exist.", identity)
        return statement, part

    def _is_kept(self, statement):
        return self.now() - statement.created <= RESULT_SECONDS

    def _wait(self, statement, request):
        if "WaitTimeSeconds" in request and self.settings.wait == "honoured":
            with self.changed:
                self.changed.wait_for(statement.is_ended, request["WaitTimeSeconds"])

    # Running

    def change(self, statement, status):
        with self.changed:
            statement.status, statement.updated = status, self.now()
            self.changed.notify_all()

    def end(self, statement, status, error):
        with self.changed:
            statement.duration = time.monotonic_ns() - statement.started
            statement.error = error
            for part in statement.parts:
                if part.status not in ENDED:
                    part.end("ABORTED" if status != "FINISHED" else status, None)
            statement.status, statement.updated = status, self.now()
            self.changed.notify_all()

    def wait_while_paused(self, statement):
        with self.changed:
            self.changed.wait_for(lambda: not self.settings.paused or statement.cancelled.is_set())

    def configure(self, given):
        with self.changed:
            self.settings.update(given)
            self.changed.notify_all()


def bind(sqls, parameters):
    """Fills `:name` parameters in; each must be given, and used by some statement."""
    values, used, bound = {each["name"]: each["value"] for each in parameters}, set(), []
    for sql in sqls:
        try:
            tokens = tokenize(sql)
        except SqlError:
            # Not SQL: the database will say so.
            bound.append(sql)
            continue
        for at, token in enumerate(tokens):
            if token.kind == "parameter":
                if token.text[1:] not in values:
                    raise invalid(f"Cannot find parameter: {token.text[1:]}")
                used.add(token.text[1:])
                tokens[at] = token._replace(kind="string", text=literal(values[token.text[1:]]))
        bound.append(text(tokens))
    if used != set(values):
        raise invalid(f"Parameters list contains unused parameters. Unused parameters: {sorted(set(values) - used)}")
    return bound
