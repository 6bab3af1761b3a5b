"""SQL as a list of tokens, exact to the letter: joined again they are the text."""

import re
from typing import NamedTuple


class SqlError(Exception):
    """A statement the database refuses; the text is what DescribeStatement shows after `ERROR: `."""


class Token(NamedTuple):
    kind: str  # space, string, quoted, word, number, parameter, mark
    text: str

    @property
    def low(self):
        """The text as keywords are compared; a quoted identifier is never a keyword."""
        return self.text if self.kind in ("string", "quoted") else self.text.lower()


# Redshift reads backslashes in plain literals as escapes, as PostgreSQL did before 9.1.
_PATTERN = re.compile(
    r"""(?P<space>(?:\s|--[^\n]*|/\*.*?\*/)+)
      |(?P<string>'(?:[^'\\]|\\.|'')*')
      |(?P<quoted>"(?:[^"]|"")+")
      |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      |(?P<word>[A-Za-z_#\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)
      |(?P<mark>::|<=|>=|<>|!=|\|\||[-+*/%^=<>~!@&|,;.()\[\]])
      |(?P<parameter>:[A-Za-z][A-Za-z0-9_]*)
    """,
    re.X | re.S,
)


def tokenize(sql):
    """The tokens of one statement, spaces and comments included."""
    tokens, at = [], 0
    while at < len(sql):
        match = _PATTERN.match(sql, at)
        if match is None:
            raise SqlError(f'syntax error at or near "{sql[at:at + 20]}"')
        if match.lastgroup == "word" and match.group().lower() in ("e", "b", "x", "u") and sql[match.end():][:1] == "'":
            raise SqlError(f"the stand-in refuses {match.group()}'…' literals")
        tokens.append(Token(match.lastgroup, match.group()))
        at = match.end()
    return tokens


def text(tokens):
    return "".join(token.text for token in tokens)


def solid(tokens):
    """Without spaces and comments."""
    return [token for token in tokens if token.kind != "space"]


def closing(tokens, start):
    """Where the bracket that opens at `start` closes."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[at].text, 0)
        if depth == 0:
            return at
    raise SqlError('syntax error: "(" is never closed')


def split_commas(tokens):
    """Parts between the commas outside of brackets."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def unquote(token):
    """What a string literal says."""
    inner = token.text[1:-1]
    escapes = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
    return re.sub(r"''|\\(.)", lambda m: "'" if m.group(1) is None else escapes.get(m.group(1), m.group(1)), inner, flags=re.S)


def literal(value):
    """A string literal that says `value`."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def name(token):
    """An identifier as Redshift stores it: lower case, quoted or not."""
    if token.kind == "quoted":
        return token.text[1:-1].replace('""', '"').lower()
    if token.kind == "word":
        return token.text.lower()
    raise SqlError(f'syntax error at or near "{token.text}"')


def quoted(identifier):
    return '"' + identifier.replace('"', '""') + '"'
