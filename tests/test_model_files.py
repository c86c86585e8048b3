"""Folders of models: what is written is read, and nothing damaged is."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctabatch.errors import InputError, OptionError, OutputError
from ctabatch.io import model_files
from ctabatch.io.model_files import read_card, read_models, read_result, write_models
from ctabatch.learn.trees import Trees

CARD = {
    "created_by": "test",
    "models": [
        {
            "name": "energy/LST_LST_LSTCam",
            "task": "energy",
            "features": [{"name": "a", "sql": "a"}],
        },
        {"name": "energy/SST 1+m: 50%", "task": "energy", "features": []},
    ],
}


def small_trees(value=1.0):
    return Trees(
        feature=[0, -1, -1], threshold=[0.5, 0, 0], left=[1, -1, -1], right=[2, -1, -1],
        value=[0.0, value, 2.0], root=[0], n_features=1,
    )  # fmt: skip


def write(folder, value=1.0, **options):
    trees = {entry["name"]: small_trees(value).to_table() for entry in CARD["models"]}
    metrics = {"metrics/energy": pa.table({"bias": [0.1, np.nan]})}
    return write_models(folder, CARD, trees, metrics, **options)


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "models"
    write(folder)
    return folder


def test_what_is_written_is_read(tmp_path):
    card = write(tmp_path / "m")
    found, trees = read_models(tmp_path / "m")
    assert found == card
    assert (found["format"], found["format_version"]) == ("ctabatch models", 1)
    assert [entry["name"] for entry in found["models"]] == list(trees)
    first = found["models"][0]
    assert first["task"] == "energy"
    assert first["trees"]["file"] == "trees/energy/LST_LST_LSTCam.parquet"
    assert (first["trees"]["n_trees"], first["trees"]["n_nodes"]) == (1, 3)
    assert len(first["digest"]) == len(found["digest"]) == 64
    for table in trees.values():
        assert Trees.from_table(table, 1).digest() == small_trees().digest()
    assert read_result(tmp_path / "m", "metrics/energy").num_rows == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]  # nothing in progress is left


def test_equal_models_make_equal_digests_and_others_do_not(tmp_path):
    one, same, other = write(tmp_path / "1"), write(tmp_path / "2"), write(tmp_path / "3", 1.5)
    assert one == same
    assert one["digest"] != other["digest"]
    assert one["models"][0]["digest"] != other["models"][0]["digest"]


def test_models_are_replaced_only_when_asked_and_as_a_whole(tmp_path):
    folder = tmp_path / "m"
    write(folder)
    (folder / "figures").mkdir()
    before = read_models(folder)[0]
    with pytest.raises(OutputError, match="--overwrite"):
        write(folder, 7.0)
    assert read_models(folder)[0] == before
    write(folder, 7.0, overwrite=True)
    assert read_models(folder)[0]["digest"] != before["digest"]
    assert not (folder / "figures").exists()
    assert list(tmp_path.iterdir()) == [folder]


def test_something_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="something else"):
        write(tmp_path / "thesis", overwrite=True)
    with pytest.raises(OutputError, match="this is a file"):
        write(tmp_path / "file", overwrite=True)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty")


def test_a_failure_leaves_the_old_models_and_nothing_else(tmp_path, monkeypatch):
    folder = tmp_path / "m"
    before = write(folder)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_files, "write_table", full)
    with pytest.raises(OutputError, match="disk is full"):
        write(folder, 3.0, overwrite=True)
    assert list(tmp_path.iterdir()) == [folder]
    assert read_models(folder)[0] == before


def test_the_old_models_come_back_if_the_new_ones_cannot_be_named(tmp_path, monkeypatch):
    folder = tmp_path / "m"
    before = write(folder)
    rename = type(folder).rename

    def broken(self, target):
        if self.suffix == ".wip":
            raise PermissionError(13, "denied")
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", broken)
    with pytest.raises(OutputError, match="no permission"):
        write(folder, 3.0, overwrite=True)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [folder]
    assert read_models(folder)[0] == before


@pytest.mark.parametrize(
    ("card", "trees", "complaint"),
    [
        ({"models": [{"name": "a"}]}, [], "do not fit"),
        ({"models": []}, ["a"], "do not fit"),
        ({"models": [{"name": "../a"}]}, ["../a"], "cannot be the name"),
        ({"models": [{"name": "/a"}]}, ["/a"], "cannot be the name"),
        ({"models": [{"name": "a", "x": float("nan")}]}, ["a"], "not JSON"),
        ({"models": [{"name": "a", "x": {1, 2}}]}, ["a"], "not JSON"),
    ],
)
def test_an_unusable_card_is_refused_before_anything_appears(tmp_path, card, trees, complaint):
    with pytest.raises(OptionError, match=complaint):
        write_models(tmp_path / "m", card, {name: small_trees().to_table() for name in trees})
    assert list(tmp_path.iterdir()) == []


def test_the_names_of_tables_may_not_meet(tmp_path):
    with pytest.raises(OptionError, match="two tables"):
        write_models(
            tmp_path / "m", {"models": [{"name": "a"}]}, {"a": small_trees().to_table()},
            {"trees/a": pa.table({"x": [1]})},
        )  # fmt: skip


def test_an_unknown_result_is_told_with_the_nearest_name(written):
    with pytest.raises(OptionError, match="Did you mean 'metrics/energy'"):
        read_result(written, "metrics/energies")


# -- damage


@given(data=st.data(), file=st.sampled_from(range(4)), cut=st.booleans())
@settings(max_examples=300)
def test_any_damage_to_any_file_is_an_input_error(written, tmp_path_factory, data, file, cut):
    folder = tmp_path_factory.mktemp("damaged") / "m"
    shutil.copytree(written, folder)
    name = files(folder)[file]
    content = bytearray((folder / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if cut:
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    (folder / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_models(folder)
    assert str(folder) in str(error.value)
    shutil.rmtree(folder)


def test_every_single_byte_of_the_card_counts(tmp_path):
    write(tmp_path / "m")
    path = tmp_path / "m" / "models.json"
    text = path.read_bytes()
    for place in range(len(text)):
        damaged = bytearray(text)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(InputError):
            read_card(tmp_path / "m")
    for longer in (text + b"\n", b" " + text):
        path.write_bytes(longer)
        with pytest.raises(InputError, match="digest mismatch"):
            read_card(tmp_path / "m")


@pytest.mark.parametrize("name", ["trees/energy/LST_LST_LSTCam.parquet", "metrics/energy.parquet"])
def test_a_changed_or_missing_file_is_named(tmp_path, name):
    write(tmp_path / "m")
    path = tmp_path / "m" / name
    pq.write_table(small_trees(9.0).to_table(), path)
    with pytest.raises(InputError, match=rf"{name}: digest mismatch"):
        read_models(tmp_path / "m")
    path.unlink()
    with pytest.raises(InputError, match=rf"{name}: cannot be read"):
        read_models(tmp_path / "m")


def test_a_folder_without_models_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no models"):
            read_models(folder)


def forge(folder, change):
    """Rewrite the card with all digests right."""
    card = json.loads((folder / "models.json").read_text())
    change(card)
    card["digest"] = model_files._digest(card)
    (folder / "models.json").write_bytes(model_files._text(card))


def test_models_of_a_newer_version_are_refused(tmp_path):
    write(tmp_path / "m")
    forge(tmp_path / "m", lambda card: card.update(format_version=2))
    with pytest.raises(InputError, match=r"format version 2.*reads up to 1"):
        read_models(tmp_path / "m")
    forge(tmp_path / "m", lambda card: card.update(format_version=1, format="other"))
    with pytest.raises(InputError, match="not of format"):
        read_models(tmp_path / "m")


@pytest.mark.parametrize(
    "file", ["../x.parquet", "/etc/x.parquet", "trees/../../x.parquet", "trees\\x.parquet",
             "C:x.parquet", "models.json", "x\0.parquet"],
)  # fmt: skip
def test_a_card_cannot_name_files_elsewhere(tmp_path, file):
    write(tmp_path / "m")
    forge(tmp_path / "m", lambda card: card["models"][0]["trees"].update(file=file))
    with pytest.raises(InputError, match="not the name of a file in this folder"):
        read_models(tmp_path / "m")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    write(tmp_path / "m")
    path = tmp_path / "m" / "trees" / "energy" / "LST_LST_LSTCam.parquet"
    path.rename(tmp_path / "outside.parquet")
    path.symlink_to(tmp_path / "outside.parquet")
    with pytest.raises(InputError, match="outside of the folder"):
        read_models(tmp_path / "m")


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.pop("models"),
        lambda card: card.update(tables=3),
        lambda card: card["models"].append(7),
        lambda card: card["models"][0].pop("trees"),
        lambda card: card["models"][0]["trees"].update(sha256=5),
        lambda card: card["models"][0].update(name=None),
        lambda card: card["models"].append(card["models"][0]),
        lambda card: card["tables"].append({"name": "x"}),
    ],
)
def test_a_forged_card_of_another_form_is_refused(tmp_path, change):
    write(tmp_path / "m")
    forge(tmp_path / "m", change)
    with pytest.raises(InputError):
        read_models(tmp_path / "m")


def test_a_file_that_is_no_table_is_refused_even_if_its_digest_is_right(tmp_path):
    import hashlib

    write(tmp_path / "m")
    path = tmp_path / "m" / "trees" / "energy" / "LST_LST_LSTCam.parquet"
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(50):
        damaged = bytearray(content)
        damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        sha256 = hashlib.sha256(damaged).hexdigest()
        forge(tmp_path / "m", lambda c, s=sha256: c["models"][0]["trees"].update(sha256=s))
        try:
            _, trees = read_models(tmp_path / "m")
            Trees.from_table(trees["energy/LST_LST_LSTCam"], 1)
        except InputError:
            pass  # anything else is a failure
    path.write_bytes(b"no table")
    sha256 = hashlib.sha256(b"no table").hexdigest()
    forge(tmp_path / "m", lambda c: c["models"][0]["trees"].update(sha256=sha256))
    with pytest.raises(InputError, match="no Parquet table"):
        read_models(tmp_path / "m")


def test_the_files_are_those_of_the_layout(written):
    assert files(written) == [
        "metrics/energy.parquet",
        "models.json",
        "trees/energy/LST_LST_LSTCam.parquet",
        "trees/energy/SST 1+m%3A 50%25.parquet",
    ]
