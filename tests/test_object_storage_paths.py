"""Names of places in object stores, and where their settings come from; no server."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import OptionError, OutputError
from ctabatch.io.location import local_path, location, refuse_store
from ctabatch.io.scratch import Scratch
from ctabatch.io.store_path import StorePath
from ctabatch.io.store_settings import ATTEMPTS, attempts, store_settings
from ctabatch.io.stored_parts import part_of

NAMES = st.text("abcXYZ019._=+-@ ", min_size=1, max_size=8).filter(lambda n: n.strip(". "))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://b/x/y.json", StorePath("s3", "b", "x/y.json")),
        ("S3://b/x", StorePath("s3", "b", "x")),
        ("gs://b", StorePath("gs", "b")),
        ("s3://b//x/./y/", StorePath("s3", "b", "x/y")),
        (Path("s3://b/x"), StorePath("s3", "b", "x")),  # pathlib took a slash
        (Path("gs://b"), StorePath("gs", "b")),
        ("file:///tmp/a%20b", Path("/tmp/a b")),
        ("file://localhost/tmp/a", Path("/tmp/a")),
        ("/tmp/a", Path("/tmp/a")),
        ("a/b", Path("a/b")),
        (Path("a/b"), Path("a/b")),
        ("a:b", Path("a:b")),
        ("run:1/x", Path("run:1/x")),
        ("c:/x", Path("c:/x")),
    ],
)
def test_a_text_stands_for_a_path_or_a_place_in_a_store(text, expected):
    found = location(text)
    assert found == expected
    assert type(found) in (type(expected), StorePath)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://", "no place in an object store"),
        ("s3:", "no place in an object store"),
        ("s3://b/../x", "no meaning"),
        ("http://host/x", "unknown scheme 'http'"),
        ("file://other/x", "files of other machines"),
    ],
)
def test_what_names_no_place_is_told(text, message):
    with pytest.raises(OptionError, match=message):
        location(text)


def test_what_must_be_on_this_machine_says_so():
    with pytest.raises(OptionError, match="s3://b/m: models must be on this machine"):
        local_path("s3://b/m", "models")
    assert local_path("file:///m", "models") == Path("/m")
    with pytest.raises(OutputError, match="only datasets are written to object stores"):
        refuse_store(Path("s3://b/x"))
    refuse_store(Path("/b/x"))
    refuse_store(Path())


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_names_are_those_of_pathlib(names):
    root = StorePath("s3", "bucket")
    path, same = root, PurePosixPath("/")
    for name in names:
        path, same = path / name, same / name
    assert (path.name, path.stem, path.suffix) == (same.name, same.stem, same.suffix)
    assert str(path) == f"s3://bucket{same}"
    assert location(str(path)) == path
    assert [str(p) for p in path.parents] == [
        f"s3://bucket{'' if str(p) == '/' else p}" for p in same.parents
    ]
    assert path.relative_to(root).as_posix() == same.relative_to("/").as_posix()
    assert path.parent / path.name == path
    assert path.with_name("x") == path.parent / "x"
    assert path.is_relative_to(root)
    assert not path.is_relative_to(StorePath("s3", "bucket2"))


def test_a_name_cannot_lead_out_of_the_folder():
    with pytest.raises(OptionError):
        StorePath("s3", "bucket", "dl1") / "../other/x.parquet"
    with pytest.raises(ValueError, match="is not in"):
        StorePath("s3", "bucket", "dl10/x").relative_to(StorePath("s3", "bucket", "dl1"))


def test_the_part_of_a_file_is_before_its_token():
    assert part_of(location("s3://b/d/r0_stream/run1.v2-0123abcd@9f.parquet")) == "run1.v2-0123abcd"
    assert part_of(Path("d/parts/run1-0123abcd.json")) == "run1-0123abcd"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = s1\n"
        "[cta]\naws_access_key_id = two\naws_secret_access_key = s2\naws_session_token = t\n"
    )
    (folder / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile cta]\nregion = eu-south-2\n"
        "endpoint_url = http://store:9000\n[profile sso]\nsso_session = x\n"
    )
    return {"HOME": str(tmp_path)}


def test_settings_come_from_the_profile(home):
    found = store_settings("s3", home)
    assert found["aws_access_key_id"] == "one"
    assert found["aws_region"] == "eu-west-1"
    assert "aws_endpoint_url" not in found
    found = store_settings("s3", {**home, "AWS_PROFILE": "cta"})
    assert (found["aws_access_key_id"], found["aws_secret_access_key"]) == ("two", "s2")
    assert found["aws_session_token"] == "t"
    assert found["aws_endpoint_url"] == "http://store:9000"
    assert found["allow_http"] == "true"


def test_the_environment_comes_before_the_profile(home):
    found = store_settings(
        "s3",
        {**home, "AWS_ACCESS_KEY_ID": "x", "AWS_REGION": "here", "AWS_ENDPOINT_URL": "https://a",
         "AWS_ENDPOINT_URL_S3": "https://b"},
    )  # fmt: skip
    assert "aws_access_key_id" not in found  # the libraries read it themselves
    assert (found["aws_region"], found["aws_endpoint_url"]) == ("here", "https://b")
    assert "allow_http" not in found


def test_profiles_that_cannot_be_used_say_what_to_do(home, tmp_path):
    with pytest.raises(OptionError, match="no such profile"):
        store_settings("s3", {**home, "AWS_PROFILE": "absent"})
    with pytest.raises(OptionError, match="export-credentials --profile sso"):
        store_settings("s3", {**home, "AWS_PROFILE": "sso"})
    (tmp_path / ".aws" / "config").write_text("no section")
    with pytest.raises(OptionError, match="not readable"):
        store_settings("s3", home)


def test_without_files_there_are_defaults(tmp_path):
    found = store_settings("s3", {"HOME": str(tmp_path), "AWS_TIMEOUT": "7s"})
    assert found["aws_region"] == "us-east-1"
    assert found["timeout"] == "7s"
    assert attempts({}) == ATTEMPTS
    assert attempts({"AWS_MAX_ATTEMPTS": "2"}) == 2
    with pytest.raises(OptionError, match="not a number"):
        attempts({"AWS_MAX_ATTEMPTS": "many"})


def test_scratch_of_the_dead_goes_and_that_of_the_living_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "ctabatch-upload-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "1.wip").write_text("x")
    other = tmp_path / "ctabatch-upload-of-another"
    other.mkdir()
    one, two = Scratch(), Scratch()
    (one.folder / "1.wip").touch()
    assert one.folder.exists()
    assert two.folder != one.folder
    assert (one.folder / "1.wip").exists()
    assert not dead.exists()
    assert other.exists()  # without a lock file it may be anything
    one.remove()
    two.remove()
    assert [path.name for path in tmp_path.iterdir()] == [other.name]
