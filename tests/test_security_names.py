"""Names that come from files never lead out of a folder, and are never too long for one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.cli.info import dataset_facts
from ctabatch.config import ProcessConfig, StereoConfig
from ctabatch.dataset import Dataset
from ctabatch.engine import Engine, part_name
from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.instrument.subarray import LONGEST_TYPE, _file_name
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.part_tables import part_tables
from ctabatch.io.record_checks import is_plain_name, is_table_file, problem_of
from ctabatch.irf.store import group_folder
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stereo import recompute

NASTY = [
    "..", ".", "/etc/passwd", "../../x", "a/../../b", "a\0b", "a\nb", "%2e%2e%2f", "x" * 5000,
    "-rf",
    "~", "$HOME", "a\\..\\b", "C:\\x", "", " ", "\x1b[2J",
    "é" * 400, "con", "*?[", "'; rm -rf",
]  # fmt: skip


def is_one_step(name: str) -> bool:
    """Whether it is the name of a file in a folder and nothing else."""
    return (
        0 < len(name.encode()) <= 240
        and "/" not in name
        and "\0" not in name
        and name not in (".", "..")
        and name.isprintable()
    )


@given(st.sampled_from(NASTY) | st.text(max_size=300))
def test_whatever_an_input_is_called_its_part_is_a_plain_name(name):
    if not Path(name).name:
        return
    part = part_name(Path(name), "0123456789abcdef")
    assert is_one_step(part)
    assert not part.startswith((".", "-"))


@given(st.sampled_from(NASTY) | st.text(max_size=300))
def test_whatever_a_telescope_type_is_called_its_folder_is_a_plain_name(name):
    folder = f"tel_type={_file_name(f'LST_{name}_{name}')}"
    assert is_one_step(folder)
    assert is_table_file(f"dl1/images/{folder}/part.parquet")


def test_long_types_that_differ_at_their_end_have_different_folders():
    a, b = (_file_name("LST_" + "x" * 1000 + end) for end in "ab")
    assert a != b
    assert len(a) < LONGEST_TYPE + 20


@given(st.sampled_from(NASTY) | st.text(max_size=300))
def test_whatever_a_group_of_responses_is_called_its_folder_is_a_plain_name(name):
    assert is_one_step(group_folder(name))


@given(st.sampled_from(NASTY) | st.text(max_size=100))
def test_names_of_tables_lead_nowhere_else(name):
    text = f"dl1/{name}.parquet"
    if is_table_file(text):
        root = Path("/data/set")
        assert (root / text).resolve().is_relative_to(root)
        assert "\0" not in text
    assert not is_table_file(f"../{name}.parquet")
    assert not is_table_file(f"/{name}.parquet")
    if is_plain_name(name):
        assert is_one_step(name)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    options = SimulationOptions(
        n_showers=12, array=load_array("lst4"), seed=4, energy_range=(1, 5), max_core_distance=120
    )
    simulate_file(options, folder / "a.simtel")
    write = ("images", "parameters", "geometry")
    result = Engine(folder / "set", ProcessConfig(write=write)).run(folder / "a.simtel")
    assert result.status == "done"
    return folder


@pytest.fixture
def victim(made, tmp_path):
    """A dataset, a file beside it that it must not touch, and what its record says."""
    shutil.copytree(made / "set", tmp_path / "set")
    (image,) = (made / "set" / "dl1" / "parameters").rglob("*.parquet")
    for place in (tmp_path / "secret.parquet", tmp_path / "x.parquet"):
        shutil.copy(image, place)
    (path,) = (tmp_path / "set" / "parts").glob("*.json")
    return tmp_path, path, json.loads(path.read_text())


OUTSIDE = ["../secret.parquet", "../../{top}/secret.parquet", "{root}/secret.parquet",
           "trigger/../../secret.parquet", "./../secret.parquet", "..\\secret.parquet",
           "dl1/\0.parquet", "trigger/.hidden.parquet", "secret.parquet"]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_record_that_names_files_outside_is_refused_by_everyone(victim, name, made):
    folder, path, record = victim
    name = name.format(root=folder, top=folder.name)
    record["tables"][name] = {"rows": 1, "bytes": 1}
    path.write_text(json.dumps(record))
    root = folder / "set"
    for use in (
        lambda: Dataset(root),
        lambda: dataset_facts(root),
        lambda: part_tables(root),
        lambda: recompute(root, StereoConfig()),
        lambda: DatasetFolder(root).remove(path.stem),
        lambda: DatasetFolder(root).tables(),
    ):
        with pytest.raises(InputError, match=r"no commit record of a part"):
            use()
    Engine(root, ProcessConfig(), "overwrite").run(made / "a.simtel")
    assert (folder / "secret.parquet").exists()


@pytest.mark.parametrize("part", ["../../x", "/tmp/x", "..", "", None, 7])
def test_a_record_of_another_part_is_refused(victim, part):
    folder, path, record = victim
    path.write_text(json.dumps({**record, "part": part}))
    before = sorted(p for p in folder.rglob("*") if "set" not in p.parts)
    with pytest.raises(InputError, match="it is of part"):
        recompute(folder / "set", StereoConfig())
    assert sorted(p for p in folder.rglob("*") if "set" not in p.parts) == before


@pytest.mark.parametrize(
    "content",
    ["[]", "1", "null", '"text"', "[" * 100_000, '{"part": "a"}', "{}", "\ud800", '{"a": 1e999}'],
)
def test_a_record_that_is_none_is_refused(victim, content):
    folder, path, _ = victim
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    for use in (Dataset, dataset_facts, part_tables):
        with pytest.raises(InputError, match=path.name):
            use(folder / "set")


@pytest.mark.parametrize(
    "change",
    [
        {"tables": []}, {"tables": {"a/b.parquet": 1}}, {"tables": {"a/b.parquet": {"rows": -1}}},
        {"input": []}, {"input": {"name": 1}}, {"by_tel_type": {"a": None}}, {"n_losses": None},
        {"array_events": True}, {"software": {"a": 1}}, {"config_digest": 1},
    ],
)  # fmt: skip
def test_entries_of_another_kind_are_named(victim, change):
    _, path, record = victim
    assert problem_of(record, path.stem) == ""
    assert problem_of({**record, **change}, path.stem) != ""


@pytest.mark.parametrize("digest", ["../../../secret", "/etc/x", "a/b", "", "x" * 500, "a\0b"])
def test_an_array_is_named_by_its_digest_and_no_path(victim, digest):
    from ctabatch.io.stored_subarrays import read_subarray

    folder, _, _ = victim
    with pytest.raises(InputError, match="not the digest of an array"):
        DatasetFolder(folder / "set").subarray_rows("telescopes", digest)
    with pytest.raises(InputError, match="not the digest of an array"):
        read_subarray(folder / "set", digest)


@pytest.mark.parametrize("prefix", ["../x", "a/b", "..", "a b", "a\n", "", "1a", "x;y"])
def test_prefixes_of_predictions_are_plain_names(prefix):
    from ctabatch.learn.options import TrainConfig

    with pytest.raises((CtabatchError, ValueError)):
        TrainConfig.model_validate({"prefix": prefix})


@pytest.mark.parametrize("name", ["../x", "a/../b", "/x", "", "a//b", ".", "a/."])
def test_models_are_written_below_their_folder(tmp_path, name):
    from ctabatch.io.model_files import write_models
    from tests.test_model_files import small_trees

    with pytest.raises(OptionError):
        write_models(tmp_path / "m", {"models": [{"name": name}]}, {name: small_trees().to_table()})
    assert list(tmp_path.iterdir()) == []


def test_event_lists_are_named_by_numbers_alone():
    """What the headers of an observation hold never becomes part of a path."""
    name = f"obs_{np.int64(7):06d}.fits"
    assert is_one_step(name)


@pytest.mark.parametrize("groups", [{"a": "../../x"}, {"a": "/etc"}, {"a": ".."}, {"a": 1}, ["a"]])
def test_groups_of_responses_are_folders_within(tmp_path, groups):
    from ctabatch.dl3.responses import record

    (tmp_path / "irf.json").write_text(json.dumps({"groups": groups}))
    with pytest.raises(InputError, match="groups must name folders"):
        record(tmp_path)
    (tmp_path / "irf.json").write_text("[1]")
    with pytest.raises(InputError, match="cannot be read"):
        record(tmp_path)


@pytest.mark.parametrize("file", ["../x.fits", "/etc/passwd", "a/../../x.fits", "a\0b"])
def test_the_check_of_a_store_reads_nothing_outside(tmp_path, file):
    from ctabatch.io.fits.validation import _is_inside

    (tmp_path / "x.fits").write_bytes(b"")
    (tmp_path / "dl3").mkdir()
    assert not _is_inside(tmp_path / "dl3", file)
    assert _is_inside(tmp_path / "dl3", "data/obs_000001.fits")
