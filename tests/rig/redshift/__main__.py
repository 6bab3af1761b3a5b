"""The HTTP server:  python -m redshift --port P --folder F --s3 http://127.0.0.1:4566

`POST /` is the Data API. `/_standin/…` is for tests: `health`, `calls` (count by action), `sql` (every text submitted),
`faults` and `settings` (GET shows, POST sets; `faults?database=…` those of one database), `databases` (POST {"name": …} creates one).
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import signal
import time
import traceback
import uuid

import boto3
import botocore.config
import botocore.exceptions

from . import copying
from .faults import ControlError
from .postgres import Postgres
from .service import ApiError, Service
from .tokens import quoted


class S3:
    """The objects COPY reads."""

    def __init__(self, endpoint):
        config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2})
        self.client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
                                   aws_secret_access_key="test", config=config)

    def get(self, bucket, key):
        try:
            return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise self._failed(error) from None
        except botocore.exceptions.BotoCoreError as error:
            raise copying.Failed(f"S3ServiceException:{error}") from None

    def list(self, bucket, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            return [each["Key"] for page in pages for each in page.get("Contents", [])]
        except botocore.exceptions.ClientError as error:
            raise self._failed(error) from None

    @staticmethod
    def _failed(error):
        said = error.response
        status = said["ResponseMetadata"]["HTTPStatusCode"]
        return copying.Failed(f"S3ServiceException:{said['Error'].get('Message')},Status {status},Error {said['Error']['Code']}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service = None

    def do_GET(self):
        self._control(None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_standin/"):
            self._control(body)
        else:
            self._api(body)

    def _api(self, body):
        action = (self.headers.get("X-Amz-Target") or "").removeprefix("RedshiftData.")
        self.service.calls[action] += 1
        try:
            if not self.headers.get("Authorization"):
                raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
            try:
                request = json.loads(body or b"{}")
            except ValueError as error:
                raise ApiError("SerializationException", str(error)) from None
            facts = {"action": action, "database": self.service.database_of(request)}
            self._strike("call", facts)
            answer = self.service.handle(action, request)
            self._strike("answer", facts)
        except ApiError as error:
            print(f"{action}: {error.code}: {error.message}", flush=True)
            self._send(error.status, {"__type": error.code, "message": error.message, "Message": error.message} | error.more)
        except Disconnected:
            self.close_connection = True
        except Exception as error:
            traceback.print_exc()
            self._send(500, {"__type": "InternalServerException", "message": f"the stand-in itself failed: {error}"})
        else:
            self._send(200, answer)

    def _strike(self, at, facts):
        rule = self.service.faults.take(at, **facts)
        if rule is None:
            return
        if rule.do == "delay":
            time.sleep(rule.seconds)
        elif rule.do == "disconnect":
            raise Disconnected
        else:
            raise ApiError(rule.error, rule.message, rule.http_status)

    def _control(self, body):
        service, path = self.service, self.path.removeprefix("/_standin/")
        path, _, database = path.partition("?database=")
        try:
            if body is None:
                shown = {"health": lambda: {"status": "ready"}, "calls": lambda: dict(service.calls), "sql": lambda: service.sqls,
                         "faults": service.faults.left, "settings": lambda: vars(service.settings)}
                self._send(200, shown[path]())
                return
            given = json.loads(body)
            if path == "databases":
                name = given["name"]
                if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
                    raise ControlError(f"not a name for a database: {name!r}")
                with service.postgres.connect("postgres") as connection:
                    connection.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE template1")
            elif path == "faults":
                service.faults.set(given, database or None)
            else:
                {"settings": service.configure}[path](given)
            self._send(200, {})
        except (KeyError, ControlError, ValueError) as error:
            self._send(400, {"error": f"{type(error).__name__}: {error}"})

    def _send(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Disconnected(Exception):
    """The connection is closed without an answer."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--s3", required=True)
    parser.add_argument("--database", default="dev")
    given = parser.parse_args()
    folder = given.folder / "pg"
    folder.mkdir()
    postgres = Postgres(folder)

    def stop(*_):
        postgres.stop()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    try:
        with postgres.connect("template1") as connection:
            connection.execute(pathlib.Path(__file__).with_name("catalog.sql").read_text())
        with postgres.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {quoted(given.database)} TEMPLATE template1")
        Handler.service = Service(postgres, S3(given.s3))
        Server(("127.0.0.1", given.port), Handler).serve_forever()
    finally:
        postgres.stop()


main()
