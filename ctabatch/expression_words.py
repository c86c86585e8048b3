"""What may stand in an expression: no sub-query, no table, nothing that makes long texts.

polars' SQL can read files within an expression, while it parses it: ``a IN (FROM read_csv(...))``.
The words are looked at before polars sees them.
"""

from __future__ import annotations

import re

#: Longest expression in letters, and in words and signs, and deepest parentheses. The time that
#: polars takes grows with the square of the number of operators: 0.15 s for 200, 4 s for 1000.
LONGEST, MOST_TOKENS, DEEPEST = 10_000, 500, 50
#: Quoted texts and names; a doubled quote stands for itself, a backslash too.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`")
#: A quote behind a letter begins a text of other rules (E'', N'', Q'[]'); $ another quote.
_ODD_QUOTE = re.compile(r"[\w&$]['\"`]|\$|--|/\*|;")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"[^\W\d]\w*")
#: Words of queries. ANY and ALL compare with a query.
_QUERIES = frozenset(
    ("select", "values", "table", "with", "exists", "any", "all", "some", "unnest", "lateral")
)
#: FROM belongs to these functions too, directly within their parentheses.
_PLAIN_FROM = re.compile(r"\b(extract|substring|trim|overlay)\s*\([^()]*?\bfrom\b", re.IGNORECASE)
#: Functions whose result may be longer than all that goes in: a few nested ones fill any memory.
_LONG_TEXTS = frozenset(
    ("lpad", "rpad", "repeat", "replace", "regexp_replace", "overlay", "translate", "zfill")
)


def why_refused(sql: str) -> str:
    """Why a text is not taken as an expression; empty if it may be one."""
    if len(sql) > LONGEST:
        return f"is longer than {LONGEST:,} letters"
    plain = _QUOTED.sub(_blank, sql)
    if found := _ODD_QUOTE.search(_QUOTED.sub("''", sql)):
        return f"holds {found.group()!r}, which is not taken in an expression"
    if any(quote in plain for quote in "'\"`"):
        return "holds a quote that does not end"
    if len(_TOKEN.findall(plain)) > MOST_TOKENS:
        return f"has more than {MOST_TOKENS} words and signs"
    depth = 0
    for letter in plain:
        depth += (letter in "([") - (letter in ")]")
        if depth > DEEPEST:
            return f"has more than {DEEPEST} parentheses within one another"
    words = [word.lower() for word in _WORD.findall(_PLAIN_FROM.sub(" ", plain))]
    for word in words:
        if word in _QUERIES or word == "from":
            return f"holds a query ({word.upper()}); an expression reads nothing but columns"
        if word in _LONG_TEXTS:
            return f"calls {word.upper()}, which can make texts of any length"
    return ""


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())


__all__ = ["DEEPEST", "LONGEST", "MOST_TOKENS", "why_refused"]
