"""What --help shows: defaults in brackets are not taken for markup and swallowed."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import get_type_hints

import pytest
import typer
import typer.models

from ctabatch.cli.main import COMMANDS


def _functions(command):
    """The function of a command, or those of its own commands."""
    if isinstance(command, typer.Typer):
        return [one.callback for one in command.registered_commands]
    return [command]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_text_holds_a_bracket_that_would_vanish(name):
    texts = []
    for command in _functions(
        importlib.import_module(f"ctabatch.cli.{name.replace('-', '_')}").command
    ):
        hints = get_type_hints(command, include_extras=True)
        for parameter in inspect.signature(command).parameters:
            for extra in getattr(hints[parameter], "__metadata__", ()):
                if isinstance(extra, typer.models.ParameterInfo) and extra.help:
                    texts.append(extra.help)
    assert texts
    swallowed = [text for text in texts if re.search(r"(?<!\\)\[[a-z]", text)]
    assert not swallowed
