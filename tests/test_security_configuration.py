"""Configurations are data of bounded size: what unfolds without end is refused at once."""

from __future__ import annotations

import json
import time

import pytest
import yaml

from ctabatch.config.bounded import DEEPEST, LONGEST, MOST_VALUES, read_json, read_toml, read_yaml
from ctabatch.config.files import assignments, layers, parsed
from ctabatch.errors import InputError, OptionError
from ctabatch.irf.options import load_config as irf_config
from ctabatch.learn.options import load_config as train_config
from ctabatch.simulate.arrays import load_array

READERS = {
    "process": lambda text: parsed(text, "c.yaml"),
    "train": lambda text: train_config(text, "c.yaml"),
    "irf": lambda text: irf_config(text, "c.yaml"),
    "set": lambda text: assignments([f"a.b={text}"]),
}


def laughs(n=10, levels=9, mapping=False):
    """Ten to the power of nine values in some hundred letters."""
    lines = ["a0: &a0 lol"]
    for k in range(1, levels + 1):
        names = [f"*a{k - 1}"] * n
        if mapping:
            inside = ", ".join(f"k{i}: {name}" for i, name in enumerate(names))
            lines.append(f"a{k}: &a{k} {{{inside}}}")
        else:
            lines.append(f"a{k}: &a{k} [{', '.join(names)}]")
    return "\n".join(lines) + "\n"


HOSTILE = {
    "billion laughs": laughs(),
    "billion laughs of mappings": laughs(mapping=True),
    "an alias within itself": "a: &a [*a]\n",
    "a merge within itself": "a: &a\n  <<: *a\n",
    "deep lists": "a: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "\n".join("  " * k + "a:" for k in range(300)),
    "too long": "a: " + "x" * (LONGEST + 1),
    "many values": "a: [" + "1, " * (MOST_VALUES + 1) + "]",
    "a number of 5000 digits": "a: " + "9" * 5000,
    "a date that is none": "a: 2001-99-99",
    "a tag of a number": "a: !!int x",
    "a tag of a date": "a: !!timestamp x",
    "a tag of Python": "a: !!python/object/apply:os.system ['true']",
    "keys that are lists": "? [a]\n: b",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_soon(name, reader):
    begin = time.perf_counter()
    with pytest.raises(OptionError) as error:
        READERS[reader](HOSTILE[name])
    assert time.perf_counter() - begin < 20  # unfolded, the first would take hours
    assert len(str(error.value)) < 2000


@pytest.mark.parametrize("name", HOSTILE)
def test_the_same_in_a_file(name, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(HOSTILE[name])
    with pytest.raises(OptionError, match=r"c\.yaml"):
        layers([path])


def test_aliases_may_be_used_sensibly():
    text = "base: &b {x: 1, y: [1, 2]}\nother: *b\nmore: {<<: *b, z: 3}\n"
    assert read_yaml(text, "c") == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_toml, "a = " + "[" * 5000 + "]" * 5000),
        (read_toml, "a = " + "9" * 5000),
        (read_toml, "\n".join(f"[{'.'.join('a' * n)}]" for n in range(1, 90))),
        (read_toml, "a = 2001-99-99"),
        (read_json, "[" * 200_000 + "]" * 200_000),
        (read_json, "9" * 5000),
        (read_json, "[" + "1," * MOST_VALUES + "1]"),
        (read_json, json.dumps(["x" * LONGEST])),
    ],
)
def test_hostile_toml_and_json_are_refused(read, text):
    with pytest.raises(OptionError):
        read(text, "c")


def test_depth_and_size_are_allowed_up_to_their_bounds():
    deep: object = 1
    for _ in range(DEEPEST - 1):
        deep = [deep]
    assert read_json(json.dumps(deep), "c") == deep
    assert read_yaml(json.dumps(deep), "c") == deep
    with pytest.raises(OptionError, match="within one another"):
        read_json(json.dumps([deep]), "c")


def test_an_array_of_countless_telescopes_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"kind": "lst", "x": k, "y": 0} for k in range(2100)]))
    with pytest.raises(InputError, match="at most 2,000"):
        load_array(path)
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="cannot read the array"):
        load_array(path)
