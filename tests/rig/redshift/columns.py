"""CREATE TABLE and ALTER TABLE: column types, attributes and the table's layout."""

from . import dialect
from .tokens import SqlError, closing, literal, name, quoted, split_commas, text

# Redshift's names, and PostgreSQL's. `(` stands for a length in bytes that is checked.
TYPES = {
    "smallint": "int2", "int2": "int2", "integer": "int4", "int": "int4", "int4": "int4", "bigint": "int8", "int8": "int8",
    "real": "float4", "float4": "float4", "double precision": "float8", "float": "float8", "float8": "float8",
    "decimal": "numeric", "numeric": "numeric", "boolean": "bool", "bool": "bool", "date": "date",
    "timestamp": "timestamp", "timestamp without time zone": "timestamp", "timestamptz": "timestamptz",
    "timestamp with time zone": "timestamptz", "super": "jsonb", "geometry": "geometry",
    "varchar": "varchar(", "character varying": "varchar(", "nvarchar": "varchar(", "text": "varchar(",
    "char": "char(", "character": "char(", "nchar": "char(", "bpchar": "char(",
}
LAYOUT = ("diststyle", "distkey", "compound", "interleaved", "sortkey", "backup", "encode")


def create_table(words, at, head, recorded):
    """The statement from the name's end on; `recorded` is the name for SVV_TABLE_INFO, or None for a temporary table."""
    body, known, keys = "", None, []
    if at < len(words) and words[at].text == "(":
        end = closing(words, at)
        inner = words[at + 1 : end]
        if inner and inner[0].low == "like":
            body = _like(inner)
        else:
            body, known, keys = _definitions(inner)
        at = end + 1
    layout = {"diststyle": "AUTO", "sortkey": "AUTO"}
    while at < len(words) and words[at].low in LAYOUT:
        at = _layout(words, at, layout, known)
    rest = words[at:]
    if rest and rest[0].low != "as":
        raise SqlError(f'syntax error at or near "{rest[0].text}"')
    if not body and not rest:
        raise SqlError("syntax error at end of input")
    layout.update(keys)
    query = " " + " ".join(token.text for token in dialect.rewrite(rest)) if rest else ""
    also = ()
    if recorded is not None:
        facts = ", ".join(literal(fact) for fact in (recorded, layout["diststyle"], layout["sortkey"]))
        also = (f"INSERT INTO standin.layout VALUES ({facts}) ON CONFLICT (table_name) DO UPDATE "
                "SET diststyle = excluded.diststyle, sortkey = excluded.sortkey",)
    return dialect.Statement("ddl", head + body + query, None, also)


def _like(inner):
    options = [token.low for token in inner[2:]]
    if options not in ([], ["including", "defaults"], ["excluding", "defaults"]):
        raise SqlError(f"the stand-in does not know LIKE … {' '.join(options)}")
    including = " INCLUDING DEFAULTS" if options[:1] == ["including"] else ""
    # The checks are the byte lengths, which belong to the type.
    return f"(LIKE {quoted(name(inner[1]))}{including} INCLUDING CONSTRAINTS)"


def _definitions(inner):
    """Columns and table constraints; gives the body, type by column, and layout set by column attributes."""
    lines, known, keys, primary = [], {}, {}, []
    for part in split_commas(inner):
        if not part:
            raise SqlError('syntax error at or near ","')
        if part[0].low in ("primary", "unique", "foreign", "constraint"):
            if part[0].low == "primary":
                primary += [name(token) for token in part[3:-1] if token.text != ","]
            continue
        line, column, kind = column_definition(part, keys, primary)
        lines.append([column, line])
        known[column] = kind
    for column in primary:
        if column not in known:
            raise SqlError(f'column "{column}" named in key does not exist')
    body = ", ".join(line + (" NOT NULL" if column in primary and "NOT NULL" not in line else "") for column, line in lines)
    return f"({body})", known, keys


def column_definition(part, keys, primary):
    """One column for PostgreSQL, its name and its type."""
    column = name(part[0])
    words = [token.low for token in part]
    width = next((n for n in (4, 3, 2, 1) if " ".join(words[1 : 1 + n]) in TYPES), None)
    if width is None:
        raise SqlError(f'type "{words[1] if len(words) > 1 else ""}" does not exist')
    kind, at = TYPES[" ".join(words[1 : 1 + width])], 1 + width
    sizes = []
    if words[at : at + 1] == ["("]:
        end = closing(part, at)
        sizes = [token.low for token in part[at + 1 : end] if token.text != ","]
        at = end + 1
    if kind.endswith("("):
        is_char = kind == "char("
        most = 4096 if is_char else 65535
        length = (1 if is_char else 256) if not sizes else most if sizes[0] == "max" else int(sizes[0])
        if not 1 <= length <= most:
            raise SqlError(f"length for type {kind[:-1]} cannot exceed {most}")
        check = quoted(f"bytes_{column}")
        line = f"{quoted(column)} {kind}{length}) CONSTRAINT {check} CHECK (octet_length({quoted(column)}) <= {length})"
    elif kind == "numeric":
        line = f"{quoted(column)} numeric({', '.join(sizes) if sizes else '18, 0'})"
    elif sizes:
        raise SqlError(f'syntax error at or near "(" (type {kind})')
    else:
        line = f"{quoted(column)} {kind}"
    return line + _attributes(part, at, column, keys, primary), column, kind


def _attributes(part, at, column, keys, primary):
    line = ""
    while at < len(part):
        word, following = part[at].low, part[at + 1].low if at + 1 < len(part) else ""
        if (word, following) == ("not", "null"):
            line, at = line + " NOT NULL", at + 2
        elif word == "null":
            at += 1
        elif word == "encode":
            at += 2
        elif word in ("distkey", "sortkey"):
            keys["diststyle" if word == "distkey" else "sortkey"] = f"KEY({column})" if word == "distkey" else column
            at += 1
        elif (word, following) == ("primary", "key"):
            primary.append(column)
            at += 2
        elif word == "unique":
            at += 1
        elif word == "references":
            at += 2
            at = closing(part, at) + 1 if at < len(part) and part[at].text == "(" else at
        elif word == "identity":
            end = closing(part, at + 1)
            seed, step = (t.text for t in part[at + 2 : end] if t.text != ",")
            line, at = line + f" GENERATED ALWAYS AS IDENTITY (START WITH {seed} INCREMENT BY {step})", end + 1
        elif word == "default":
            end = at + 1
            while end < len(part) and part[end].low not in ("not", "encode", "distkey", "sortkey", "primary", "unique", "references"):
                end = closing(part, end) + 1 if part[end].text == "(" else end + 1
            line, at = line + " DEFAULT " + text(dialect.rewrite(part[at + 1 : end])), end
        else:
            raise SqlError(f'syntax error at or near "{part[at].text}"')
    return line


def _layout(words, at, layout, known):
    """One table attribute; gives where the next begins."""
    word = words[at].low
    if word == "diststyle":
        style = words[at + 1].low if at + 1 < len(words) else ""
        if style not in ("auto", "even", "key", "all"):
            raise SqlError(f'syntax error at or near "{style}" (DISTSTYLE is AUTO, EVEN, KEY or ALL)')
        layout["diststyle"] = style.upper()
        return at + 2
    if word in ("backup", "encode"):
        if words[at + 1].low not in ("yes", "no", "auto"):
            raise SqlError(f'syntax error at or near "{words[at + 1].text}"')
        return at + 2
    if word in ("compound", "interleaved"):
        at += 1
    if word == "sortkey" and at + 1 < len(words) and words[at + 1].low == "auto":
        return at + 2
    if at + 1 >= len(words) or words[at + 1].text != "(":
        raise SqlError(f'syntax error at or near "{words[at].text}"')
    end = closing(words, at + 1)
    columns = [name(part[0]) for part in split_commas(words[at + 2 : end])]
    for column in columns:
        if known is not None and column not in known:
            raise SqlError(f'column "{column}" named in {words[at].low} does not exist')
        if known is not None and known[column] in ("jsonb", "geometry"):
            raise SqlError(f'column "{column}" of this type cannot be a {words[at].low}')
    if words[at].low == "distkey":
        layout["diststyle"] = f"KEY({columns[0]})"
    else:
        layout["sortkey"] = columns[0]
    return end + 1


def alter_table(words):
    """ADD, DROP and RENAME COLUMN, RENAME TO, OWNER TO, and changes of layout (which change no row)."""
    if words[1].low != "table":
        raise SqlError(f"the stand-in does not know ALTER {words[1].text}")
    at = 3
    while at < len(words) and words[at].text == ".":
        at += 2
    table = ".".join(quoted(name(token)) for token in words[2:at] if token.text != ".")
    rest = words[at:]
    flat = [token.low for token in rest]
    if flat[:1] == ["add"] and flat[1:2] != ["constraint"] and flat[1:2] != ["primary"]:
        part = rest[2:] if flat[1] == "column" else rest[1:]
        if len(split_commas(part)) > 1 or [t.low for t in part[:2]] == ["if", "not"]:
            raise SqlError(f'syntax error at or near "{part[0].text}" (Redshift adds one column, without IF NOT EXISTS)')
        line, column, _kind = column_definition(part, {}, [])
        if "NOT NULL" in line and "DEFAULT" not in line:
            raise SqlError(f'ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression ("{column}")')
        return dialect.Statement("ddl", f"ALTER TABLE {table} ADD COLUMN {line}")
    if flat[:1] == ["add"] or flat[:2] == ["alter", "diststyle"] or flat[1:2] in (["sortkey"], ["compound"], ["encode"]):
        return dialect.Statement("ddl", f"COMMENT ON TABLE {table} IS NULL")
    if flat[:1] in (["drop"], ["rename"], ["owner"]):
        if "if" in flat[:3]:
            raise SqlError('syntax error at or near "if" (Redshift drops a column without IF EXISTS)')
        return dialect.Statement("ddl", f"ALTER TABLE {table} " + " ".join(token.text for token in dialect.rewrite(rest)))
    raise SqlError(f"the stand-in does not know ALTER TABLE … {' '.join(flat[:3])}")
