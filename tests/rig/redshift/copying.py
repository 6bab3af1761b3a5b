"""COPY … FROM 's3://…': JSON 'auto', from a manifest or a prefix, by Redshift's rules."""

import decimal
import gzip
import json
import re
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

import zstandard

from . import values
from .tokens import SqlError, closing, name, quoted, solid, tokenize, unquote

MAX_ROW_BYTES = 4 * 1024 * 1024


@dataclass
class Copy:
    """A parsed COPY."""

    table: list
    columns: Optional[list] = None
    source: str = ""
    role: str = ""
    manifest: bool = False
    json: Optional[str] = None
    compression: Optional[str] = None
    max_errors: int = 0
    noload: bool = False
    accept_invalid: Optional[str] = None
    timeformat: str = "auto"
    dateformat: str = "auto"
    truncate: bool = False

    @property
    def label(self):
        return ".".join(self.table)


class RowError(NamedTuple):
    """A row of SYS_LOAD_ERROR_DETAIL."""

    file_name: str
    line_number: int
    column_name: str
    column_type: str
    column_length: str
    position: int
    code: int
    message: str


@dataclass
class Result:
    rows: int = 0
    errors: list = field(default_factory=list)
    files: int = 0
    file_bytes: int = 0
    loaded_bytes: int = 0
    failure: Optional[str] = None  # why the whole COPY failed


def parse(sql):
    """The COPY, or `SqlError`: an option this does not know is refused, never passed over."""
    words = solid(tokenize(sql))
    if words[-1].text == ";":
        words.pop()
    at, table = 1, []
    while True:
        table.append(name(_word(words, at)))
        at += 1
        if at >= len(words) or words[at].text != ".":
            break
        at += 1
    copy = Copy(table)
    if at < len(words) and words[at].text == "(":
        end = closing(words, at)
        copy.columns = [name(token) for token in words[at + 1 : end] if token.text != ","]
        at = end + 1
    if _word(words, at).low != "from":
        raise SqlError(f'syntax error at or near "{words[at].text}"')
    copy.source = _string(words, at + 1)
    if not re.fullmatch(r"s3://[^/]+/.+", copy.source):
        raise SqlError(f"the stand-in copies from S3 only, not from {copy.source!r}")
    at += 2
    while at < len(words):
        at = _option(copy, words, at)
    if not copy.role:
        raise SqlError("COPY needs credentials: IAM_ROLE default or an ARN")
    if copy.json != "auto":
        raise SqlError("the stand-in loads FORMAT JSON 'auto' only")
    return copy


def _word(words, at):
    if at >= len(words):
        raise SqlError("syntax error at end of input")
    return words[at]


def _string(words, at):
    token = _word(words, at)
    if token.kind != "string":
        raise SqlError(f'syntax error at or near "{token.text}"')
    return unquote(token)


def _option(copy, words, at):
    word = words[at].low
    following = words[at + 1] if at + 1 < len(words) else None
    if word == "iam_role":
        copy.role = "default" if following is not None and following.low == "default" else _string(words, at + 1)
        if copy.role != "default" and not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", copy.role):
            raise SqlError(f"Invalid IAM role ARN: {copy.role}")
        return at + 2
    if word == "manifest":
        copy.manifest = True
        return at + 1
    if word == "format":
        at += 1
        return at + 1 if _word(words, at).low == "as" else at
    if word == "json":
        at += 1
        at = at + 1 if _word(words, at).low == "as" else at
        copy.json = _string(words, at)
        return at + 1
    if word in ("gzip", "zstd"):
        if copy.compression:
            raise SqlError(f'conflicting or redundant options ("{word}")')
        copy.compression = word
        return at + 1
    if word == "maxerror":
        at += 1
        at = at + 1 if _word(words, at).low == "as" else at
        number = _word(words, at)
        if not number.text.isdigit() or int(number.text) > 100000:
            raise SqlError(f"MAXERROR must be between 0 and 100000, not {number.text}")
        copy.max_errors = int(number.text)
        return at + 1
    if word in ("compupdate", "statupdate"):
        allowed = ("on", "off", "true", "false") + (("preset",) if word == "compupdate" else ())
        if _word(words, at + 1).low not in allowed:
            raise SqlError(f'syntax error at or near "{words[at + 1].text}"')
        return at + 2
    if word in ("timeformat", "dateformat"):
        at += 1
        at = at + 1 if _word(words, at).low == "as" else at
        setattr(copy, word, _string(words, at))
        if word == "timeformat" and not values.knows_timeformat(copy.timeformat):
            raise SqlError(f"the stand-in does not know TIMEFORMAT '{copy.timeformat}'")
        return at + 1
    if word == "region":
        at += 1
        at = at + 1 if _word(words, at).low == "as" else at
        _string(words, at)
        return at + 1
    if word == "acceptinvchars":
        has_as = following is not None and following.low == "as"
        copy.accept_invalid = _string(words, at + 2) if has_as else "?"
        return at + 3 if has_as else at + 1
    if word in ("noload", "truncatecolumns"):
        setattr(copy, {"noload": "noload", "truncatecolumns": "truncate"}[word], True)
        return at + 1
    raise SqlError(f'syntax error at or near "{words[at].text}"')


class Failed(Exception):
    """The whole COPY fails, with this text."""


def run(copy, table_columns, s3, roles):
    """Reads everything: the result, and the rows as PostgreSQL's texts. Loading them, or not, is the caller's."""
    result, rows = Result(), []
    try:
        roles(copy.role)
        chosen = _chosen(copy, table_columns)
        options = values.Options(copy.timeformat, copy.dateformat, copy.truncate)
        for bucket, key, body in _files(copy, s3):
            result.files += 1
            result.file_bytes += len(body)
            _read_file(copy, f"s3://{bucket}/{key}", body, chosen, options, rows, result)
    except Failed as failed:
        result.failure = str(failed)
    result.rows = len(rows)
    return result, rows


def _chosen(copy, table_columns):
    """The columns to load, in order: all, or those of the column list."""
    if copy.columns is None:
        return table_columns
    by_name = {column.name: column for column in table_columns}
    for column in copy.columns:
        if column not in by_name:
            raise Failed(f'column "{column}" of relation "{copy.table[-1]}" does not exist')
    return [by_name[column] for column in copy.columns]


def _files(copy, s3):
    bucket, key = _split(copy.source)
    if copy.manifest:
        yield from _from_manifest(copy.source, bucket, key, s3)
        return
    keys = s3.list(bucket, key)
    if not keys:
        raise Failed(f"The specified S3 prefix '{key}' does not exist")
    for each in keys:
        yield bucket, each, s3.get(bucket, each)


def _from_manifest(url, bucket, key, s3):
    body = s3.get(bucket, key)
    if body is None:
        raise Failed(f"Problem reading manifest file - S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey ({url})")
    try:
        entries = json.loads(body)["entries"]
        wanted = [(entry["url"], bool(entry.get("mandatory", False))) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed(f"Problem reading manifest file - {type(error).__name__}: {error} ({url})") from None
    found = 0
    for entry, is_mandatory in wanted:
        at = _split(entry)
        body = s3.get(*at)
        if body is not None:
            found += 1
            yield *at, body
        elif is_mandatory:
            raise Failed(f"Mandatory url is not present in manifest file: {entry}")
    if found == 0:
        raise Failed(f"No files found for manifest {url}")


def _split(url):
    parts = re.fullmatch(r"s3://([^/]+)/(.+)", url, re.S)
    if parts is None:
        raise Failed(f"Invalid S3 URL {url!r}: the full s3://bucket/key is needed")
    return parts.group(1), parts.group(2)


def _decompress(copy, url, body):
    try:
        if copy.compression == "gzip":
            return gzip.decompress(body)
        if copy.compression == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read()
        return body
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise Failed(f"Problem decompressing {copy.compression} file {url}: {error}") from None


def _read_file(copy, url, body, chosen, options, rows, result):
    data = _decompress(copy, url, body)
    result.loaded_bytes += len(data)
    if copy.accept_invalid is None:
        # One bad byte spoils its row, not the file: surrogates mark the place until the row is read.
        document = data.decode("utf-8", errors="surrogateescape")
    else:
        document = re.sub("[\udc80-\udcff]+", copy.accept_invalid, data.decode("utf-8", errors="surrogateescape"))

    def refuse(line, error, column=None):
        result.errors.append(RowError(
            url, line, column.name if column else "", column.kind if column else "",
            str(column.length or "") if column else "", error.position, error.code, error.message))
        # At MAXERROR errors the load fails; with 0, at the first.
        if len(result.errors) >= max(copy.max_errors, 1):
            raise Failed(LOAD_FAILED)

    decoder = json.JSONDecoder(parse_float=decimal.Decimal, parse_constant=_no_constant)
    at, line = 0, 1
    blank = re.compile(r"[ \t\r\n]*")
    while True:
        end = blank.match(document, at).end()
        line += document.count("\n", at, end)
        at = end
        if at == len(document):
            return
        try:
            row, end = decoder.raw_decode(document, at)
            if not isinstance(row, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError):
            refuse(line, values.LoadError(1216, "Invalid JSON format: Unexpected symbol"))
            # Where this object would have ended is unknown: go on with the next line.
            at = document.find("\n", at)
            if at < 0:
                return
            continue
        raw = document[at:end]
        try:
            if len(raw.encode(errors="surrogateescape")) > MAX_ROW_BYTES:
                raise values.LoadError(1224, f"Row exceeds the maximum of {MAX_ROW_BYTES} bytes")
            if re.search("[\ud800-\udfff]", raw) or re.search("[\ud800-\udfff]", json.dumps(row, default=float, ensure_ascii=False)):
                raise values.LoadError(1220, "String contains invalid or unsupported UTF8 codepoints")
        except values.LoadError as error:
            refuse(line, error)
        else:
            taken = _row(row, chosen, options, lambda error, column: refuse(line, error, column))
            if taken is not None:
                rows.append(taken)
        line += raw.count("\n")
        at = end


def _no_constant(word):
    raise ValueError(f"{word} is not JSON")


def _row(row, chosen, options, refuse):
    """A row's texts. Keys are matched as they are written, to lower-case names; others in the object are passed over."""
    texts = []
    for column in chosen:
        try:
            texts.append(values.to_text(row.get(column.name), column, options))
        except values.LoadError as error:
            refuse(error, column)
            return None
    return texts


LOAD_FAILED = "Load into table '{table}' failed.  Check '{view}' system table for details."
