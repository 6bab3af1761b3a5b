"""What COPY makes of one JSON value for one column: the text PostgreSQL gets, or a load error.

Codes are those of "Load error reference" in the Redshift guide. Texts are Redshift's where a public source quotes them
(`Invalid digit, Value 'h', Pos 0, Type: Integer`; `String length exceeds DDL length`), otherwise in its manner.
"""

import datetime
import decimal
import json
import math
import re
from typing import NamedTuple, Optional


class LoadError(Exception):
    def __init__(self, code, message, position=0):
        super().__init__(message)
        self.code, self.message, self.position = code, message, position


class Column(NamedTuple):
    name: str
    kind: str  # a name of the table below, as in pg_type
    length: Optional[int] = None  # bytes of a character type
    precision: Optional[int] = None
    scale: Optional[int] = None
    not_null: bool = False


class Options(NamedTuple):
    timeformat: str = "auto"
    dateformat: str = "auto"
    truncate: bool = False  # TRUNCATECOLUMNS


_INTEGERS = {"int2": (15, "Smallint"), "int4": (31, "Integer"), "int8": (63, "Bigint")}
_BOOLEANS = {word: True for word in ("true", "t", "yes", "y", "1")} | {word: False for word in ("false", "f", "no", "n", "0")}


def to_text(value, column, options):
    """PostgreSQL's text of `value`, or None for NULL."""
    convert = _CONVERT.get(column.kind)
    if convert is None:
        raise LoadError(1200, f"the stand-in cannot load type {column.kind}")
    is_character = column.kind in ("varchar", "bpchar")
    # Empty text is NULL, except where text is wanted.
    if value is None or (value == "" and not is_character):
        result = None
    else:
        result = convert(value, column, options)
    if result is None and column.not_null:
        raise LoadError(1213, "Missing data for not-null field")
    return result


def _plain(value):
    """A JSON value as the text COPY sees; objects and arrays as they stand in the file, without the spaces."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=float)
    return str(value)


def _character(value, column, options):
    text = _plain(value)
    if "\0" in text:
        raise LoadError(1220, "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: 0 (error 4)")
    size = len(text.encode())
    if size <= column.length:
        return text
    if options.truncate:
        # Bytes are cut, but never within a character.
        return text.encode()[: column.length].decode(errors="ignore")
    raise LoadError(1204, "String length exceeds DDL length")


def _integer(value, column, _options):
    bits, label = _INTEGERS[column.kind]
    text = _plain(value).strip()
    match = re.match(r"[+-]?\d*", text)
    if match.end() < len(text) or not re.search(r"\d", text):
        at = min(match.end(), len(text) - 1)
        raise LoadError(1207, f"Invalid digit, Value '{text[at]}', Pos {at}, Type: {label}", at)
    number = int(text)
    if not -(2**bits) <= number < 2**bits:
        raise LoadError(1204, f"Overflow, Value '{text}', Type: {label}")
    return str(number)


def _float(value, column, _options):
    text = _plain(value).strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise LoadError(1208, f"Invalid {'Real' if column.kind == 'float4' else 'Double'} format, Value '{text}'")
    if math.isinf(float(text)) or (column.kind == "float4" and abs(float(text)) > 3.4028235e38):
        raise LoadError(1204, f"Overflow for type {column.kind}, Value '{text}'")
    return text


def _decimal(value, column, _options):
    text = _plain(value).strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise LoadError(1209, f"Invalid Numeric format, Value '{text}'")
    # COPY cuts digits behind the scale, unless ROUNDEC.
    with decimal.localcontext(decimal.Context(prec=100)):
        number = decimal.Decimal(text).quantize(decimal.Decimal(1).scaleb(-column.scale), rounding=decimal.ROUND_DOWN)
    if abs(number) >= decimal.Decimal(10) ** (column.precision - column.scale):
        raise LoadError(1204, f"Overflow for NUMERIC({column.precision},{column.scale}), Value '{text}'")
    return str(number)


def _boolean(value, _column, _options):
    text = _plain(value).strip().lower()
    if text not in _BOOLEANS:
        raise LoadError(1210, f"Unknown boolean format, Value '{text}'")
    return "t" if _BOOLEANS[text] else "f"


def _date(value, _column, options):
    text = _plain(value).strip()
    if options.dateformat not in ("auto", "YYYY-MM-DD"):
        raise LoadError(1205, f"the stand-in knows DATEFORMAT 'auto' and 'YYYY-MM-DD' only, not '{options.dateformat}'")
    try:
        return datetime.date.fromisoformat(re.fullmatch(r"(\d{4}-\d\d-\d\d)", text).group(1)).isoformat()
    except (AttributeError, ValueError):
        raise LoadError(1205, "Invalid Date Format - length must be 10 or more") from None


_AUTO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s?(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?")
_FORMAT_PARTS = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d\d)", "DD": r"(?P<d>\d\d)", "HH24": r"(?P<h>\d\d)", "HH": r"(?P<h>\d\d)",
                 "MI": r"(?P<i>\d\d)", "SS": r"(?P<s>\d\d)"}


def _timestamp(value, column, options):
    text = _plain(value).strip()
    bad = LoadError(1206, f"Invalid timestamp format or value [{options.timeformat}]")
    try:
        if options.timeformat in ("epochsecs", "epochmillisecs"):
            number = decimal.Decimal(text) / (1000 if options.timeformat == "epochmillisecs" else 1)
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=int(number * 1_000_000))
        elif options.timeformat == "auto":
            moment = _auto(text)
        else:
            moment = _by_format(text, options.timeformat)
    except (ValueError, OverflowError, decimal.InvalidOperation):
        raise bad from None
    if moment is None:
        raise bad
    return moment.isoformat(sep=" ") + ("+00" if column.kind == "timestamptz" else "")


def _auto(text):
    """ISO 8601. An offset is reckoned into UTC, for TIMESTAMP columns too (not seen in a public source)."""
    match = _AUTO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
                               int((fraction or "0").ljust(6, "0")))
    if zone in (None, "Z", "UTC"):
        return moment
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment - offset if zone[0] == "+" else moment + offset


def _by_format(text, timeformat):
    pattern = re.sub(r"YYYY|MM|DD|HH24|HH|MI|SS|.", lambda m: _FORMAT_PARTS.get(m.group(), re.escape(m.group())), timeformat)
    match = re.fullmatch(pattern, text)
    if match is None:
        return None
    part = {name: int(number) for name, number in match.groupdict().items()}
    return datetime.datetime(part["y"], part["m"], part["d"], part.get("h", 0), part.get("i", 0), part.get("s", 0))


def _super(value, _column, _options):
    return json.dumps(value, ensure_ascii=False, default=float)


_CONVERT = {
    "varchar": _character, "bpchar": _character, "int2": _integer, "int4": _integer, "int8": _integer, "float4": _float,
    "float8": _float, "numeric": _decimal, "bool": _boolean, "date": _date, "timestamp": _timestamp, "timestamptz": _timestamp,
    "jsonb": _super,
}

# TIMEFORMATs the stand-in understands; checked when COPY is parsed.
def knows_timeformat(timeformat):
    if timeformat in ("auto", "epochsecs", "epochmillisecs"):
        return True
    left = re.sub(r"YYYY|MM|DD|HH24|HH|MI|SS", "", timeformat)
    return all(part in timeformat for part in ("YYYY", "MM", "DD")) and not re.search(r"[A-SU-Za-z]", left)
