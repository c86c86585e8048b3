"""Quality criteria of ctapipe, which are Python, as SQL over the columns of dl1/parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

#: Names of containers that differ from the prefix of their columns.
_PREFIXES = {"intensity_statistics": "intensity", "peak_time_statistics": "peak_time"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=", ast.NotEq: "!=",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
}  # fmt: skip
#: What queries before the parametrisation say about the cleaned image.
_IMAGE = {
    "np.count_nonzero(image)": "morphology_n_pixels",
    "image.sum()": "hillas_intensity",
    "np.sum(image)": "hillas_intensity",
}
#: Columns that every frame has its own of.
_OF_A_FRAME = re.compile(r"\b(hillas|timing)_\w+")
#: Where the parameters of an image stand in the expressions of ctapipe's queries.
_ROOTS = ("parameters", "dl1_params")


def criteria(pairs: Iterable[Any], *, in_camera: bool = False) -> tuple[dict[str, str], list[str]]:
    """Translate pairs of name and expression.

    Parameters
    ----------
    pairs : iterable of (str, str)
    in_camera : bool
        Whether ellipses and time gradients are those of the camera frame.

    Returns
    -------
    dict
        Name -> SQL.
    list of str
        Expressions that could not be translated.
    """
    found, left = {}, []
    for pair in pairs:
        name, text = str(pair[0]), str(pair[1])
        try:
            found[name.strip().replace(" ", "_").lower()] = sql(text, in_camera=in_camera)
        except (SyntaxError, ValueError):
            left.append(f"{name}: {text}")
    return found, left


def sql(text: str, *, in_camera: bool = False) -> str:
    """SQL of a Python expression; only parsed, never run.

    With `in_camera` the columns of the camera frame take the place of those of the telescope frame.

    Raises
    ------
    SyntaxError
        It is no Python.
    ValueError
        It holds something that has no translation.
    """
    found = _sql(ast.parse(text.strip(), mode="eval").body)
    return _OF_A_FRAME.sub(r"camera_frame_\g<0>", found) if in_camera else found


def _sql(node: ast.expr) -> str:
    if isinstance(node, ast.Compare):
        sides = [_sql(side) for side in (node.left, *node.comparators)]
        signs = [_COMPARISONS[type(sign)] for sign in node.ops if type(sign) in _COMPARISONS]
        if len(signs) != len(node.ops):
            raise ValueError("comparison")
        pairs = zip(sides[:-1], signs, sides[1:], strict=True)
        return " AND ".join(f"{left} {sign} {right}" for left, sign, right in pairs)
    if isinstance(node, ast.BoolOp):
        word = " AND " if isinstance(node.op, ast.And) else " OR "
        return word.join(f"({_sql(value)})" for value in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"NOT ({_sql(node.operand)})"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"-{_sql(node.operand)}"
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return f"({_sql(node.left)} {_ARITHMETIC[type(node.op)]} {_sql(node.right)})"
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return repr(node.value)
    if isinstance(node, ast.Call):
        return _call(node)
    return _column(node)


def _call(node: ast.Call) -> str:
    if ast.unparse(node) in _IMAGE:
        return _IMAGE[ast.unparse(node)]
    name = ast.unparse(node.func)
    if name in ("np.isfinite", "isfinite") and len(node.args) == 1:
        inner = _sql(node.args[0])
        # NaN is the only value that is larger than infinity in SQL
        return f"({inner} > -1e308 AND {inner} < 1e308)"
    if name in ("np.abs", "abs") and len(node.args) == 1:
        return f"ABS({_sql(node.args[0])})"
    if isinstance(node.func, ast.Attribute) and node.func.attr == "to_value":
        return _column(node.func.value)
    raise ValueError(f"function {name}")


def _column(node: ast.expr) -> str:
    steps = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in _ROOTS:
        raise ValueError("name")
    steps = [step for step in reversed(steps) if step != "value"]
    if len(steps) != 2:
        raise ValueError("parameter")
    return f"{_PREFIXES.get(steps[0], steps[0])}_{steps[1]}"


__all__ = ["criteria", "sql"]
