"""Redshift's SQL as PostgreSQL's: one table of what is changed, one of what is refused, and nothing else passes.

Changed: table attributes (DISTSTYLE, DISTKEY, SORTKEY, ENCODE, BACKUP: noted for SVV_TABLE_INFO, else dropped), keys
(PRIMARY KEY, UNIQUE and REFERENCES are not enforced in Redshift: dropped, but a primary key's columns stay NOT NULL),
VARCHAR lengths (bytes, by a check), SUPER (jsonb), GEOMETRY (text, see catalog.sql), quoted identifiers (lower case),
and the words in `WORDS`. Refused: what PostgreSQL has and Redshift has not, in `REFUSED`.
"""

from typing import NamedTuple, Optional

from . import columns
from .tokens import SqlError, closing, literal, name, quoted, solid, split_commas, text, tokenize


class Statement(NamedTuple):
    kind: str  # select, write, ddl, quiet (takes no snapshot: LOCK, SET), copy, commits (TRUNCATE), alone (VACUUM)
    sql: str  # for PostgreSQL; COPY's is the original
    target: Optional[str] = None  # the table a writing statement locks
    also: tuple = ()  # bookkeeping statements that follow


# Words that only the spelling differs in.
WORDS = {"sysdate": "sysdate()", "nvl": "coalesce", "super": "jsonb", "systimestamp": "now()"}

# Functions whose first argument is a bare date part.
DATE_PART_FIRST = ("dateadd", "datediff", "date_add", "date_diff")

REFUSED = [
    ("on conflict", "Redshift has no ON CONFLICT"),
    ("returning", "Redshift has no RETURNING"),
    ("qualify", "Redshift has QUALIFY, but the stand-in cannot run it: use a subquery over ROW_NUMBER()"),
    ("remove duplicates", "Redshift has MERGE … REMOVE DUPLICATES, but the stand-in cannot run it"),
    ("distinct on", "Redshift has no DISTINCT ON"),
    ("filter (", "Redshift has no FILTER (WHERE …)"),
    ("lateral", "Redshift has no LATERAL"),
    ("for update", "Redshift has no SELECT … FOR UPDATE"),
    ("for share", "Redshift has no SELECT … FOR SHARE"),
    ("skip locked", "Redshift has no SKIP LOCKED"),
    ("is distinct from", "Redshift has no IS DISTINCT FROM"),
    ("is not distinct from", "Redshift has no IS NOT DISTINCT FROM"),
    ("range between", "Redshift's windows take ROWS frames only"),
    ("groups between", "Redshift's windows take ROWS frames only"),
    ("generate_series (", "generate_series runs on Redshift's leader node only, never beside tables"),
    ("array_agg (", "Redshift has no array_agg"),
    ("string_agg (", "Redshift has LISTAGG, not string_agg"),
    ("gen_random_uuid (", "Redshift has no gen_random_uuid"),
    ("with no schema binding", "the stand-in cannot run late-binding views"),
    ("materialized", "the stand-in cannot run materialized views"),
    ("using index", "Redshift has no indexes"),
    ("tablesample", "Redshift has no TABLESAMPLE"),
    ("pg_catalog", "name Redshift's own system views"),
] + [(f":: {kind}", f"Redshift has no type {kind}") for kind in
     ("jsonb", "json", "bytea", "uuid", "xml", "money", "inet", "regclass", "regtype")]

AGGREGATES = ("sum", "avg", "count", "min", "max", "stddev", "variance", "stddev_samp", "var_samp", "bool_and", "bool_or")

FIRST_WORDS = ("select", "with", "insert", "update", "delete", "merge", "create", "drop", "alter", "lock", "copy", "truncate",
               "vacuum", "analyze", "grant", "revoke", "comment", "explain", "set")


def translate(sql, is_serverless=True):
    """One Redshift statement for PostgreSQL. Raises `SqlError` for what Redshift, or the stand-in, would refuse."""
    tokens = tokenize(sql)
    words = solid(tokens)
    if words and words[-1].text == ";":
        tokens = tokens[: len(tokens) - tokens[::-1].index(words[-1]) - 1]
        words = words[:-1]
    if not words:
        raise SqlError("the query is empty")
    if any(token.text == ";" for token in words):
        raise SqlError("cannot insert multiple commands into a prepared statement")
    first = words[0].low
    if first not in FIRST_WORDS:
        raise SqlError(f'the stand-in does not know statements that begin with "{words[0].text}"')
    if first == "copy":
        return Statement("copy", sql)
    _refuse(words, first, is_serverless)
    if first in ("create", "alter"):
        return _define(words, tokens)
    body = text(rewrite(tokens))
    if first in ("select", "with", "explain"):
        return Statement("select", body)
    if first in ("insert", "delete", "update", "merge"):
        return Statement("write", body, _target(words, first))
    if first == "lock":
        return Statement("quiet", body)
    if first == "set":
        if words[1].low not in ("statement_timeout", "search_path"):
            raise SqlError(f"the stand-in does not know SET {words[1].text}")
        # System views are found wherever the path leads.
        return Statement("quiet", body + (", standin" if words[1].low == "search_path" else ""))
    if first == "truncate":
        return Statement("commits", body)
    if first == "vacuum":
        table = next((token for token in words[1:] if token.low not in ("full", "sort", "delete", "only", "reindex", "recluster")), None)
        return Statement("alone", f"VACUUM {quoted(name(table))}" if table else "VACUUM")
    if first == "analyze":
        return Statement("ddl", body)
    if first == "drop" and words[1].low not in ("table", "view", "schema"):
        raise SqlError(f"the stand-in does not know DROP {words[1].text}")
    return Statement("ddl", body)


def _refuse(words, first, is_serverless):
    flat = [token.low for token in words]
    for sequence, why in REFUSED:
        wanted = sequence.split()
        for at in range(len(flat) - len(wanted) + 1):
            if flat[at : at + len(wanted)] == wanted and words[at].kind in ("word", "mark"):
                raise SqlError(f'syntax error at or near "{words[at].text}" ({why})')
    if "values" in flat and first != "insert" and first != "merge":
        raise SqlError('syntax error at or near "values" (Redshift takes VALUES in INSERT only)')
    for at, token in enumerate(words):
        if token.kind == "word" and is_serverless and token.low.startswith(("stl_", "svl_", "stv_")) and token.low != "stv_db_isolation_level":
            raise SqlError(f"permission denied for relation {token.low} (serverless workgroups have the SYS views)")
        if token.low in AGGREGATES and words[at + 1 : at + 2] and words[at + 1].text == "(":
            _refuse_frameless(words, closing(words, at + 1) + 1)


def _refuse_frameless(words, at):
    """An aggregate's window with ORDER BY needs an explicit frame in Redshift; PostgreSQL has a default."""
    if [token.low for token in words[at : at + 2]] == ["over", "("]:
        window = [token.low for token in words[at + 1 : closing(words, at + 1)]]
        if "order" in window and "rows" not in window:
            raise SqlError("Aggregate window functions with an ORDER BY clause require a frame clause")


def _target(words, first):
    at = {"insert": 2, "merge": 2, "update": 1, "delete": 2 if words[1].low == "from" else 1}[first]
    end = _end_of_name(words, at)
    if first == "delete" and end < len(words) and words[end].low not in ("using", "where"):
        raise SqlError(f'syntax error at or near "{words[end].text}" (Redshift gives the table of DELETE no alias)')
    return ".".join(quoted(name(token)) for token in words[at:end] if token.text != ".")


def _end_of_name(words, at):
    end = at + 1
    while end + 1 < len(words) and words[end].text == ".":
        end += 2
    return end


def rewrite(tokens):
    """Expressions and queries: quoted identifiers, `WORDS`, date parts, VARCHAR(MAX)."""
    out, at = [], 0
    while at < len(tokens):
        token = tokens[at]
        follows = next((after for after in tokens[at + 1 :] if after.kind != "space"), None)
        before = next((b for b in reversed(out) if b.kind != "space"), None)
        if token.kind == "quoted":
            token = token._replace(text=quoted(name(token)))
        elif token.kind == "word" and not (before and before.text == "."):
            is_call = follows is not None and follows.text == "("
            if token.low in DATE_PART_FIRST and is_call:
                opening = next(i for i in range(at + 1, len(tokens)) if tokens[i].text == "(")
                part = next(i for i in range(opening + 1, len(tokens)) if tokens[i].kind != "space")
                if tokens[part].kind == "word":
                    tokens = tokens[:part] + [tokens[part]._replace(kind="string", text=literal(tokens[part].low))] + tokens[part + 1 :]
            elif token.low == "max" and before and before.text == "(" and follows and follows.text == ")":
                token = token._replace(text="65535")
            elif token.low in WORDS and (is_call or token.low != "nvl"):
                token = token._replace(text=WORDS[token.low])
        out.append(token)
        at += 1
    return out


def _define(words, tokens):
    flat = [token.low for token in words]
    if flat[0] == "alter":
        return columns.alter_table(words)
    skip = 1
    if flat[1:3] == ["or", "replace"] and flat[3:4] == ["view"]:
        skip = 3
    if flat[skip] == "view" or flat[1] == "schema":
        return Statement("ddl", text(rewrite(tokens)))
    is_temporary = flat[1] in ("temp", "temporary")
    at = 2 if is_temporary else 1
    if flat[at : at + 1] != ["table"]:
        raise SqlError(f"the stand-in does not know CREATE {words[1].text}")
    at += 1
    if_missing = flat[at : at + 3] == ["if", "not", "exists"]
    at += 3 if if_missing else 0
    end = _end_of_name(words, at)
    if words[at].text.startswith("#"):
        is_temporary = True
    table = ".".join(quoted(name(token)) for token in words[at:end] if token.text != ".")
    head = f"CREATE {'TEMP ' if is_temporary else ''}TABLE {'IF NOT EXISTS ' if if_missing else ''}{table} "
    schema = name(words[at]) if end - at == 3 else "public"
    return columns.create_table(words, end, head, None if is_temporary else f"{schema}.{name(words[end - 1])}")
