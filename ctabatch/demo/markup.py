"""Pieces of an HTML page: tables, figures by relative links, paragraphs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 74rem; padding: 1rem 1.5rem 4rem; color: #222;
  font: 16px/1.55 system-ui, sans-serif; }
h1 { margin-bottom: 0; }
h2 { margin-top: 2.6rem; border-bottom: 1px solid #ccc; padding-bottom: .2rem; }
p, ul { max-width: 46rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem; text-align: right; border-bottom: 1px solid #e4e4e4; }
th { border-bottom: 2px solid #888; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
caption { caption-side: bottom; text-align: left; color: #555; font-size: .88rem; }
.figures { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
figure { margin: 0 0 1rem; }
figure.wide { max-width: 46rem; }
figure img { width: 100%; border: 1px solid #e4e4e4; }
figcaption { color: #555; font-size: .88rem; }
code { background: #f4f4f4; padding: .1rem .3rem; border-radius: 3px; }
p.note { background: #fff7e0; border-left: 4px solid #e0a800; padding: .5rem 1rem; }
ul.notes { color: #555; font-size: .88rem; }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """A whole page of its parts, with its style inside."""
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    return head + "\n".join(part for part in parts if part) + "\n</body>\n</html>\n"


def paragraph(*texts: str, kind: str = "") -> str:
    """Sentences that are HTML already, one after the other."""
    return f"<p{_class(kind)}>{' '.join(texts)}</p>"


def notes(texts: Sequence[str]) -> str:
    """Plain texts as a list of sentences."""
    lines = "\n".join(f"<li>{escape(sentence(text))}</li>" for text in texts)
    return f'<ul class="notes">\n{lines}\n</ul>' if texts else ""


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def table(head: Iterable[Any], rows: Iterable[Iterable[Any]], caption: str = "") -> str:
    """Plain values; the first column is the name of the row. None is an empty cell."""
    names = "".join(f"<th>{escape(str(name).replace('_', ' '))}</th>" for name in head)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{escape(_shown(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    below = f"<caption>{escape(caption)}</caption>\n" if caption else ""
    return f"<table>\n{below}<thead><tr>{names}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>"


def figures(
    folder: Path, paths: Sequence[str], captions: Mapping[str, str], *, wide: bool = False
) -> str:
    """Pictures that link to their files.

    Parameters
    ----------
    folder : Path
        Of the page.
    paths : sequence of str
    captions : mapping
        Name of a file without ending -> what it shows.
    wide : bool
        One below the other instead of side by side.
    """
    shown = []
    for path in paths:
        target = escape(Path(os.path.relpath(path, folder)).as_posix())
        text = escape(captions.get(Path(path).stem, Path(path).stem))
        shown.append(
            f'<figure{_class("wide" if wide else "")}><a href="{target}"><img src="{target}" '
            f'alt="{text}" loading="lazy"></a><figcaption>{text}</figcaption></figure>'
        )
    inside = "\n".join(shown)
    return inside if wide or not shown else f'<div class="figures">\n{inside}\n</div>'


def code(text: str) -> str:
    """A command or expression."""
    return f"<code>{escape(text)}</code>"


def link(target: str) -> str:
    """A file or folder beside the page."""
    return f'<a href="{escape(target)}">{escape(target)}</a>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


__all__ = ["code", "document", "figures", "link", "notes", "paragraph", "sentence", "table"]
