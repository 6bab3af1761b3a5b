"""Runs a submitted statement, or a batch as one transaction, on PostgreSQL."""

import re
import threading
import time
import traceback

import psycopg
from psycopg.types.string import TextLoader

from . import copying, dialect
from .tokens import SqlError, quoted
from .values import Column

# Values of these types leave as text, as the Data API sends them.
AS_TEXT = ("timestamp", "timestamptz", "date", "time", "timetz", "numeric", "interval", "jsonb", "json", "uuid", "oid")
_query_ids = iter(range(1000, 1 << 60))
_query_lock = threading.Lock()


class Failure(Exception):
    """A statement failed; the text is what follows in DescribeStatement."""


def next_query_id():
    with _query_lock:
        return next(_query_ids)


def run(statement, service):
    """From SUBMITTED to the end, in a thread of its own; whatever happens ends up in the statement."""
    try:
        service.wait_while_paused(statement)
        with service.slots:
            _run(statement, service)
    except Exception as error:
        traceback.print_exc()
        service.end(statement, "FAILED", f"ERROR: the stand-in itself failed: {type(error).__name__}: {error}")


def _run(statement, service):
    if statement.cancelled.is_set():
        return service.end(statement, "ABORTED", "Query cancelled on user's request")
    service.change(statement, "PICKED")
    try:
        connection = service.postgres.connect(statement.database)
    except psycopg.OperationalError as error:
        return service.end(statement, "FAILED", f"FATAL: {_first_line(error)}")
    with connection:
        for kind in AS_TEXT:
            connection.adapters.register_loader(kind, TextLoader)
        statement.connection = connection
        service.change(statement, "STARTED")
        transaction = Transaction(connection, statement, service)
        try:
            transaction.all()
        except Failure as failure:
            aborted = statement.cancelled.is_set()
            service.end(statement, "ABORTED" if aborted else "FAILED", str(failure))
        else:
            service.end(statement, "FINISHED", None)
        statement.connection = None


class Transaction:
    def __init__(self, connection, statement, service):
        self.connection, self.statement, self.service = connection, statement, service
        self.begun = self.frozen = False

    def all(self):
        """Every statement in order, then the commit."""
        for number, part in enumerate(self.statement.parts, 1):
            part.begin()
            try:
                if self.statement.cancelled.is_set():
                    raise Failure("Query cancelled on user's request")
                self._strike("statement", number=number)
                self._one(part)
            except (SqlError, Failure, psycopg.Error) as error:
                text = _explain(error, part.translated)
                self._roll_back()
                part.end("ABORTED" if self.statement.cancelled.is_set() else "FAILED", f"ERROR: {text}")
                for later in self.statement.parts[number:]:
                    later.end("ABORTED", None)
                prefix = f"Query #{number} failed with " if self.statement.is_batch else ""
                raise Failure(f"{prefix}ERROR: {text}") from None
            part.end("FINISHED", None)
        try:
            self._strike("commit")
            if self.begun:
                self.connection.execute("COMMIT")
        except (Failure, psycopg.Error) as error:
            self._roll_back()
            raise Failure(f"ERROR: {_explain(error, None)}") from None
        try:
            self._strike("committed")
        except Failure as failure:
            raise Failure(f"ERROR: {failure}") from None

    def _strike(self, at, **facts):
        rule = self.service.faults.take(at, database=self.statement.database, **facts)
        if rule is None:
            return
        if rule.do == "delay":
            if self.statement.cancelled.wait(rule.seconds):
                raise Failure("Query cancelled on user's request")
        elif rule.do == "kill":
            pid = self.connection.info.backend_pid
            with self.service.postgres.connect(self.statement.database) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        else:
            raise Failure(rule.text)

    def _roll_back(self):
        if not self.connection.broken and self.begun:
            self.connection.execute("ROLLBACK")

    def _begin(self, kind):
        if not self.begun:
            level = "SERIALIZABLE" if self.service.settings.isolation == "serializable" else "REPEATABLE READ"
            self.connection.execute(f"BEGIN ISOLATION LEVEL {level}")
            self.begun = True
        # The snapshot is that of the first statement other than LOCK and SET, taken before that statement waits for anything.
        if kind != "quiet" and not self.frozen:
            self.connection.execute("SELECT 1")
            self.frozen = True

    def _one(self, part):
        translated = dialect.translate(part.bound, self.statement.is_serverless)
        part.translated = translated
        if translated.kind == "alone":
            if len(self.statement.parts) > 1:
                raise SqlError("VACUUM cannot run inside a transaction block")
            self.connection.execute(translated.sql)
            return
        if translated.kind == "commits" and self.begun:
            self.connection.execute("COMMIT")
            self.begun = self.frozen = False
        self._begin(translated.kind)
        if translated.kind == "copy":
            self._copy(part)
            return
        if translated.kind == "write":
            self._lock_for_writing(translated.target)
        cursor = self.connection.execute(translated.sql)
        if cursor.description is not None:
            part.keep(cursor)
        elif translated.kind == "write":
            part.result_rows = cursor.rowcount
        for also in translated.also:
            self.connection.execute(also)
        if translated.kind == "commits":
            self.connection.execute("COMMIT")
            self.begun = self.frozen = False

    def _lock_for_writing(self, target):
        """Writers of one table wait for each other in Redshift; readers do not."""
        kind = self.connection.execute(
            "SELECT relpersistence FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'r'", (target,)).fetchone()
        if kind is not None and kind[0] != "t":
            self.connection.execute(f"LOCK TABLE {target} IN SHARE ROW EXCLUSIVE MODE")

    def _copy(self, part):
        copy = copying.parse(part.bound)
        target = ".".join(quoted(each) for each in copy.table)
        columns = self._columns(target, copy)
        self._lock_for_writing(target)
        started = time.time()
        result, rows = copying.run(copy, columns, self.service.s3, self._check_role)
        if result.failure is None and not copy.noload:
            names = ", ".join(quoted(column.name) for column in columns if copy.columns is None or column.name in copy.columns)
            if copy.columns is not None:
                names = ", ".join(quoted(column) for column in copy.columns)
            cursor = self.connection.cursor()
            with cursor.copy(f"COPY {target} ({names}) FROM STDIN") as writer:
                for row in rows:
                    writer.write_row(row)
        loaded = 0 if copy.noload or result.failure else result.rows
        self._note(part, copy, result, loaded, started)
        if result.failure is not None:
            view = "sys_load_error_detail" if self.statement.is_serverless else "stl_load_errors"
            raise SqlError(result.failure.replace("{table}", copy.table[-1]).replace("{view}", view))
        part.result_rows = loaded
        self.connection.execute("SELECT set_config('standin.copy_count', %s, false), set_config('standin.copy_id', %s, false)",
                                (str(loaded), str(part.query_id)))

    def _columns(self, target, copy):
        found = self.connection.execute(
            "SELECT a.attname, t.typname, a.atttypmod, a.attnotnull FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid "
            "WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' ORDER BY a.attnum",
            (target,)).fetchall()
        if not found:
            raise SqlError(f"Cannot COPY into nonexistent table {copy.table[-1]}")
        columns = []
        for column, kind, modifier, not_null in found:
            length = modifier - 4 if kind in ("varchar", "bpchar") else None
            precision, scale = ((modifier - 4) >> 16, (modifier - 4) & 0xFFFF) if kind == "numeric" else (None, None)
            columns.append(Column(column, kind, length, precision, scale, not_null))
        return columns

    def _check_role(self, role):
        settings = self.service.settings
        if role in settings.unattached_roles:
            raise copying.Failed(f"User arn:aws:redshift:us-east-1:123456789012:dbuser:rig/{self.statement.user} is not "
                                 f"authorized to assume IAM Role {role}")
        if role in settings.denied_roles:
            raise copying.Failed("S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid RIG0000000000000,CanRetry 1")

    def _note(self, part, copy, result, loaded, started):
        """Load errors and history outlive the rollback, so they are written beside the transaction."""
        now = time.time()
        with self.service.postgres.connect(self.statement.database) as beside:
            for error in result.errors:
                beside.execute(
                    "INSERT INTO standin.sys_load_error_detail VALUES (100, %s, %s, %s, %s, 0, to_timestamp(%s) AT TIME ZONE 'UTC', "
                    "left(%s, 256), %s, left(%s, 127), %s, %s, %s, %s, left(%s, 512))",
                    (part.query_id, part.query_id, self.connection.info.backend_pid, self.statement.database, started, error.file_name,
                     error.line_number, error.column_name, error.column_type, error.column_length, error.position, error.code,
                     error.message))
            beside.execute(
                "INSERT INTO standin.sys_load_history VALUES (100, %s, %s, %s, %s, %s, %s, to_timestamp(%s) AT TIME ZONE 'UTC', "
                "to_timestamp(%s) AT TIME ZONE 'UTC', %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (part.query_id, part.query_id, self.connection.info.backend_pid, self.statement.database,
                 "aborted" if result.failure else "completed", copy.table[-1], started, now, int((now - started) * 1e6), copy.source,
                 loaded, result.loaded_bytes, result.files, result.file_bytes, result.files, result.file_bytes, len(result.errors)))


def _first_line(error):
    return str(error).strip().splitlines()[0].removeprefix("connection failed: ").split("FATAL:  ")[-1]


def _explain(error, translated):
    """The error as Redshift words it, where that is known."""
    if not isinstance(error, psycopg.Error):
        return str(error)
    message = error.diag.message_primary or str(error).strip()
    if error.sqlstate == "40001":
        return f"1023 DETAIL: Serializable isolation violation on table - 0, transactions forming the cycle are: 0, 0 (pid:0) ({message})"
    if error.sqlstate == "57014":
        return "Query cancelled on user's request"
    if error.sqlstate == "23502":
        return f"Cannot insert a NULL value into column {error.diag.column_name}"
    if error.sqlstate == "23514" and (error.diag.constraint_name or "").startswith("bytes_"):
        return "Value too long for character type"
    if error.sqlstate == "22001":
        length = re.search(r"\((\d+)\)", message)
        return f"Value too long for character type{f' ({length.group(1)})' if length else ''}"
    detail = f"\n  Detail: {error.diag.message_detail}" if error.diag.message_detail else ""
    return message + detail
