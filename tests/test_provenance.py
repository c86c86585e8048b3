"""Who made a product: the same in every run and place, and a chain back to the first files."""

from __future__ import annotations

import json
import shutil
import uuid

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import OptionError
from ctabatch.provenance.activity import MOST_NAMED, Activity, Input, moment
from ctabatch.provenance.documents import of_file
from ctabatch.provenance.product import KEY, fits_cards, key_values, product_of, reference_keys

SOFTWARE = {"ctabatch": "1.0"}
FILE = Input("events", "file", "a.simtel", "ab" * 32, 10)


def activity(*inputs, config=None, software=None, **more):
    return Activity("ctabatch process", inputs or (FILE,), config or {"x": 1},
                    software or SOFTWARE, **more)  # fmt: skip


def test_the_id_names_the_work_and_not_the_run():
    first, second = activity(), activity()
    assert first.id == second.id
    assert uuid.UUID(first.id).version == 5


@pytest.mark.parametrize(
    "other",
    [
        activity(config={"x": 2}),
        activity(software={"ctabatch": "1.1"}),
        activity(Input("events", "file", "a.simtel", "cd" * 32, 10)),
        activity(Input("models", "file", "a.simtel", "ab" * 32, 10)),
        activity(FILE, FILE),
    ],
    ids=["configuration", "software", "content", "role", "number"],
)
def test_other_work_has_another_id(other):
    assert other.id != activity().id


def test_a_file_is_what_its_bytes_are():
    assert activity(Input("events", "file", "moved.simtel", "ab" * 32, 10)).id == activity().id


@given(st.permutations(range(5)))
def test_the_order_of_inputs_does_not_count(order):
    inputs = [Input("gammas", "part", f"p{k}", activity=str(k)) for k in range(5)]
    shuffled = activity(*(inputs[k] for k in order))
    assert shuffled.id == activity(*inputs).id
    assert shuffled.document({}) == activity(*inputs).document({})


def test_long_lists_are_named_by_their_digest():
    few = [Input("gammas", "part", f"p{k:03}", activity=str(k)) for k in range(MOST_NAMED)]
    many = [*few, Input("gammas", "part", "last", activity="last")]
    assert len(activity(*few).document({})["inputs"]) == MOST_NAMED
    (entry,) = activity(*many).document({})["inputs"]
    assert entry["kind"] == "list"
    assert entry["size"] == MOST_NAMED + 1
    assert len(activity(*many).entry()["inputs"]) == MOST_NAMED + 1


def test_times_are_utc_and_can_be_fixed(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert moment() == "1970-01-02T00:00:00.000Z"
    entry = activity().entry()
    assert entry["start"] == entry["stop"] == "1970-01-02T00:00:00.000Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(OptionError, match="SOURCE_DATE_EPOCH=yesterday"):
        moment()


@pytest.mark.parametrize(
    ("table", "level", "name"),
    [
        ("r0_stream", "R0", "R0"),
        ("r1_gains/tel_type=A", "R1", "R1"),
        ("dl0/tel_type=A", "DL0", "DL0"),
        ("dl1/images/tel_type=A", "DL1", "DL1_IMAGES"),
        ("dl1/parameters/tel_type=A", "DL1", "DL1_PARAMETERS"),
        ("dl1/muon/tel_type=A", "DL1", "DL1_MUON"),
        ("trigger", "DL1", "DL1_PARAMETERS"),
        ("dl2/geometry", "DL2", "DL2"),
    ],
)
def test_each_table_has_its_level(table, level, name):
    product = product_of(table, "part")
    assert product["level"] == level
    assert reference_keys(activity(), product, "parquet")["CTA PRODUCT DATA LEVELS"] == name


def test_ctapipe_reads_the_reference_keys():
    from ctapipe.io.metadata import Reference

    made = activity(simulated=True)
    keys = reference_keys(made, product_of("dl1/images/tel_type=A", "part"), "parquet")
    read = Reference.from_dict(keys).to_dict()
    assert {key: read[key] for key in keys if key in read} == {
        key: value for key, value in keys.items() if key in read
    }
    assert set(keys) <= set(read)
    assert read["CTA ACTIVITY ID"] == made.id
    assert read["CTA PRODUCT DATA CATEGORY"] == "Sim"


def test_cards_are_valid_fits_and_come_back(tmp_path):
    from astropy.io import fits
    from ctapipe.io.metadata import read_reference_metadata

    many = [Input("gammas", "part", f"it's {k}", "ab" * 32, activity="e" * 36) for k in range(16)]
    made, product = activity(*many), product_of("irf.fits", level="IRF")
    primary = fits.PrimaryHDU()
    primary.header.update(fits_cards(made, product))
    fits.HDUList([primary]).writeto(tmp_path / "a.fits", output_verify="exception")
    read = of_file(tmp_path / "a.fits")
    assert read.id == made.id
    assert sorted(one.name for one in read.inputs) == sorted(one.name for one in many)
    reference = read_reference_metadata(tmp_path / "a.fits").to_dict()
    assert reference["CTA ACTIVITY ID"] == made.id


def test_nothing_of_the_machine_stands_in_a_product(tmp_path):
    import getpass
    import socket

    text = json.dumps(key_values(activity(), product_of("trigger", "p")))
    for word in (socket.gethostname(), getpass.getuser() + "@", str(tmp_path)):
        assert word not in text


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """Toy showers from a simtel file to predictions."""
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import Engine
    from ctabatch.simulate.arrays import load_array
    from ctabatch.simulate.files import simulate_file
    from ctabatch.simulate.options import SimulationOptions

    folder = tmp_path_factory.mktemp("chain")
    options = SimulationOptions(n_showers=150, array=load_array("lst4"), seed=3)
    simulate_file(options, folder / "g.simtel.zst")
    for name, threads in (("one", 1), ("two", 2)):
        (folder / name).mkdir()
        engine = Engine(folder / name / "dl1", ProcessConfig(), threads=threads)
        assert engine.run(folder / "g.simtel.zst").status == "done"
    return folder


def files_of(root):
    return {p.relative_to(root).as_posix(): p for p in sorted(root.rglob("*.parquet"))}


def test_every_table_of_a_part_carries_it_and_is_the_same_whatever_the_threads(chain):
    one, two = (files_of(chain / name / "dl1") for name in ("one", "two"))
    assert list(one) == list(two)
    (record,) = (chain / "one" / "dl1" / "parts").glob("*.json")
    record = json.loads(record.read_text())
    for name, path in one.items():
        assert path.read_bytes() == two[name].read_bytes()
        metadata = pq.read_metadata(path).metadata
        if name.startswith("subarray/"):  # an array belongs to all parts that have it
            continue
        document = json.loads(metadata[KEY.encode()])
        assert document["activity"]["id"] == record["activities"][0]["id"]
        assert document["product"]["table"] == name.rpartition("/")[0]
        assert document["inputs"][0]["sha256"] == record["input"]["sha256"]
        assert json.loads(document["configuration"]["text"]) == record["config"]
        assert str(chain) not in metadata[KEY.encode()].decode()
    entry = record["activities"][0]
    assert entry["start"] <= entry["stop"]
    assert entry["start"].endswith("Z")


def test_a_chain_is_followed_and_what_is_gone_is_named(chain, cli, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(chain / "one" / "dl1", copy / "dl1")
    shutil.copy(chain / "g.simtel.zst", copy)
    (part,) = (copy / "dl1" / "parts").glob("*.json")
    record = json.loads(part.read_text())
    record["input"]["path"] = "/nowhere/g.simtel.zst"
    part.write_text(json.dumps(record))
    code, _, err = cli("stereo", copy / "dl1")
    assert code == 0, err
    (file,) = (copy / "dl1" / "dl2" / "geometry").glob("*.parquet")
    _, out, _ = cli("info", "--provenance", file, "--json")
    link = json.loads(out)["provenance"]
    assert link["activity"]["name"] == "ctabatch stereo"
    (processed,) = link["inputs"]
    assert processed["activity"]["name"] == "ctabatch process"
    (simtel,) = processed["inputs"]
    assert simtel["sha256"] == record["input"]["sha256"]
    assert simtel["found"] == str(copy / "g.simtel.zst")
    (copy / "g.simtel.zst").unlink()
    code, out, _ = cli("info", "--provenance", file)
    assert code == 0
    assert f"sha256 {record['input']['sha256'][:16]}" in out
    assert "not found here" in out
    _, out, _ = cli("info", "--provenance", file, "--search", chain, "--verify")
    assert "not found" not in out


def test_a_file_of_the_same_size_is_not_taken_for_another_if_digests_are(chain, cli, tmp_path):
    (part,) = (chain / "two" / "dl1" / "parts").glob("*.json")
    size = json.loads(part.read_text())["input"]["size"]
    shutil.copy(next((chain / "two" / "dl1" / "trigger").glob("*.parquet")), tmp_path / "t.parquet")
    (tmp_path / "g.simtel.zst").write_bytes(bytes(size))
    assert "not found" not in cli("info", "--provenance", tmp_path / "t.parquet")[1]
    assert "not found" in cli("info", "--provenance", tmp_path / "t.parquet", "--verify")[1]


def test_hostile_records_make_no_endless_chain(tmp_path, cli):
    made = {"format": "ctabatch provenance", "activity": {"name": "x\x1b[2J", "id": "a"}}
    made["inputs"] = [{"role": "r", "kind": "models", "name": "m", "activity": "a"}] * 3
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "provenance.json").write_text(json.dumps(made))
    code, out, _ = cli("info", "--provenance", tmp_path / "m")
    assert code == 0
    assert "\x1b" not in out


def test_hostile_records_do_not_multiply(tmp_path, cli):
    for n in range(12):
        made = {"format": "ctabatch provenance", "activity": {"name": "x", "id": f"a{n}"}}
        entry = {"role": "r", "kind": "models", "name": "m", "activity": f"a{n + 1}"}
        made["inputs"] = [{**entry, "role": f"r{k}"} for k in range(50)]
        (tmp_path / f"m{n}").mkdir()
        (tmp_path / f"m{n}" / "provenance.json").write_text(json.dumps(made))
    code, out, _ = cli("info", "--provenance", tmp_path / "m0", "--json")
    assert code == 0
    assert len(out) < 1_000_000  # 50 to the power of 12 links would not end


def test_what_carries_nothing_is_told(tmp_path, cli):
    code, _, err = cli("info", "--provenance", tmp_path)
    assert code == 2
    assert "carries no provenance" in err
    _, _, err = cli("info", "--verify", tmp_path)
    assert "--search and --verify go with --provenance" in err
