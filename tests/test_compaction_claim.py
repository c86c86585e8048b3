"""Two compactions in place at once: the second is refused, and no event is there twice."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest

from ctabatch.errors import OutputError
from ctabatch.io import compaction_claim
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import location
from ctabatch.io.writer_identity import machine, process_start
from ctabatch.upkeep import compact as compact_module
from ctabatch.upkeep.compact import compact
from ctabatch.upkeep.validate import validate
from tests.toy_dataset import write_dataset

CLAIM = "dl1/parts/.compact.lock"
PARTS, EVENTS = 4, 40
OTHER_MACHINE = "00000000-1-1-0a1b2c3d"


@pytest.fixture
def there(bucket):
    """A dataset in a store."""
    return str(write_dataset(location(f"{bucket.uri}/dl1"), n_parts=PARTS, n_events=10))


@pytest.fixture(params=["folder", "store"])
def root(request, tmp_path):
    """A dataset, here or there."""
    if request.param == "store":
        return request.getfixturevalue("there")
    return str(write_dataset(tmp_path / "dl1", n_parts=PARTS, n_events=10))


def small(root):
    """A size for groups of two parts, where the default makes one of all."""
    records = DatasetFolder(root).records()
    sizes = [facts["bytes"] for one in records for facts in one["tables"].values()]
    return int(2.5 * sum(sizes) / PARTS)


def n_events(root):
    records = DatasetFolder(root).records()
    tables = (one for record in records for one in record["tables"].items())
    return sum(facts["rows"] for name, facts in tables if name.startswith("trigger/"))


def check_whole(root):
    assert n_events(root) == EVENTS
    assert validate(root, deep=True, now=True)[0].findings == []


def test_groups_of_the_two_sizes_are_others(root):
    """Else the others of these tests would show nothing."""
    assert compact(root, part_bytes=small(root)).parts_after not in (1, PARTS)
    assert compact(root).parts_after == 1
    check_whole(root)


def test_the_second_is_refused_and_the_first_goes_on(root, monkeypatch):
    merge, refused = compact_module.write_merged, []

    def meanwhile(*args):
        if not refused:
            with pytest.raises(OutputError, match="another ctabatch compact --in-place is at work"):
                compact(root, part_bytes=small(root))
            with pytest.raises(OutputError, match="wait for its end"):
                compact(root, part_bytes=small(root), now=True)
            refused.append(root)
        merge(*args)

    monkeypatch.setattr(compact_module, "write_merged", meanwhile)
    assert compact(root).parts_after == 1
    assert refused
    check_whole(root)
    assert compact(root, part_bytes=small(root)).merged == {}  # nothing of the claim is left


def hold(root, begun, end):
    with compaction_claim.only_compaction(location(root)):
        begun.set()
        end.wait(60)


def test_the_other_may_be_another_process_and_the_command_says_so(tmp_path, cli):
    root = write_dataset(tmp_path / "dl1", n_parts=PARTS, n_events=10)
    context = multiprocessing.get_context("spawn")
    begun, end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(root), begun, end))
    other.start()
    assert begun.wait(60)
    code, _, err = cli("compact", root, "--in-place")
    assert code == 2
    assert f"{root}: another ctabatch compact --in-place is at work there" in err
    assert cli("compact", root, "-o", tmp_path / "new")[0] == 0  # it changes nothing there
    other.kill()
    other.join()
    assert cli("compact", root, "--in-place")[0] == 0  # the lock ended with its process
    check_whole(str(root))
    assert list((root / "parts").glob(".*.lock")) == []


def claim_of(bucket, writer):
    bucket.put(CLAIM, json.dumps({"writer": writer}).encode())


def test_a_writer_of_another_machine_is_taken_to_be_alive_for_a_while(
    there, bucket, cli, monkeypatch
):
    claim_of(bucket, OTHER_MACHINE)
    code, _, err = cli("compact", there, "--in-place")
    assert code == 2
    assert "of another machine was at work there" in err
    assert "--now" in err
    assert len(DatasetFolder(there).parts()) == PARTS
    monkeypatch.setattr(compaction_claim, "SILENT", -60.0)  # its clock is that of the store
    assert cli("compact", there, "--in-place", "--part-size", 1)[0] == 0
    assert bucket.keys(CLAIM) == []
    check_whole(there)


def test_now_takes_the_claim_of_another_machine(there, bucket):
    claim_of(bucket, OTHER_MACHINE)
    assert compact(there, now=True).parts_after == 1
    assert bucket.keys(CLAIM) == []
    check_whole(there)


@pytest.mark.parametrize("left", [b"{}", b"[1]", b"no JSON"])
def test_a_claim_that_tells_no_writer_is_that_of_another_machine(there, bucket, left):
    bucket.put(CLAIM, left)
    with pytest.raises(OutputError, match="--now"):
        compact(there)
    assert compact(there, now=True).parts_after == 1


def test_a_writer_of_this_machine_is_known_to_be_alive_or_dead(there, bucket):
    parent = os.getppid()
    claim_of(bucket, f"{machine()}-{parent}-{process_start(parent)}-0a1b2c3d")
    with pytest.raises(OutputError, match="is at work there"):
        compact(there, now=True)
    claim_of(bucket, f"{machine()}-{parent}-{process_start(parent) + 1}-0a1b2c3d")
    assert compact(there).parts_after == 1


def test_whoever_lost_the_claim_commits_nothing(there, bucket, monkeypatch):
    merge = compact_module.write_merged

    def meanwhile(*args):
        merge(*args)
        claim_of(bucket, OTHER_MACHINE)

    monkeypatch.setattr(compact_module, "write_merged", meanwhile)
    with pytest.raises(OutputError, match="another ctabatch compact --in-place took over here"):
        compact(there)
    assert len(DatasetFolder(there).parts()) == PARTS
    assert n_events(there) == EVENTS
    assert OTHER_MACHINE.encode() in bucket.get(CLAIM)  # it is not ours to remove


def test_a_claim_is_renewed_while_there_is_work(there, bucket, monkeypatch):
    monkeypatch.setattr(compaction_claim, "RENEW", 0.0)
    seen = []
    compact(there, progress=lambda *_: seen.append(bucket.get(CLAIM)))
    assert len(set(seen)) > 1
    assert len({json.loads(one)["writer"] for one in seen}) == 1
