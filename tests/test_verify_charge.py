"""``ctabatch verify charge``: datasets in, table, figures and account out."""

import json

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from ctabatch.cli.main import run
from ctabatch.dataset import Dataset
from ctabatch.schemas.verification import CHARGE_RESOLUTION
from ctabatch.verify.charge_bins import ChargeBins, ChargeSums
from ctabatch.verify.charge_table import charge_table
from ctabatch.verify.extraction_labels import extraction_labels
from tests.toy_charges import smeared, write_images

TYPE = "LST_LST_LSTCam"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Simulated showers, extracted with three extractors."""
    folder = tmp_path_factory.mktemp("simulated")
    words = ["--showers", 8, "--energy-range", "0.3,3", "--max-core-distance", 150, "--seed", 3]
    end(["simulate", folder / "gammas.simtel", *words])
    roots = []
    for extractor in ("NeighborPeakWindowSum", "LocalPeakWindowSum", "SlidingWindowMaxSum"):
        (folder / f"{extractor}.yaml").write_text(f"extraction:\n  extractor: {extractor}\n")
        roots.append(folder / extractor)
        options = ["--config", folder / f"{extractor}.yaml", "--write", "images"]
        end(["process", folder / "gammas.simtel", "-o", roots[-1], *options])
    return roots


def end(words):
    with pytest.raises(SystemExit) as stop:
        run(list(map(str, words)))
    assert (stop.value.code or 0) == 0


def summary(cli, *words):
    code, out, err = cli("verify", "charge", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_simulated_images_lie_above_the_poisson_limit_and_come_close_to_it(simulated, cli):
    shown = summary(cli, *simulated, "--bins-per-decade", 4)
    labels = [root.name for root in simulated]
    assert [account["extractor"] for account in shown["accounts"]] == labels
    table = pl.DataFrame(shown["table"])
    assert table["extractor"].unique(maintain_order=True).to_list() == labels
    bright = table.filter(pl.col("n_pixels") >= 30, pl.col("mean_true_charge").is_between(20, 1000))
    ratio = bright["resolution"] / bright["poisson_limit"]
    assert len(ratio) >= 9
    assert ratio.min() > 1  # by definition
    # window and noise add; at low charges far more than here
    assert ratio.max() < 1.4
    assert bright["bias"].abs().max() < 0.06
    dark = table.filter(pl.col("charge_lo") == 0)
    rms = dict(zip(dark["extractor"], dark["bias_pe"], strict=True))
    # a window that looks for the largest sum finds noise; that of the neighbours does not
    assert abs(rms["NeighborPeakWindowSum"]) < 0.2 < rms["LocalPeakWindowSum"]
    assert rms["LocalPeakWindowSum"] < rms["SlidingWindowMaxSum"]


def test_the_table_of_a_dataset_is_that_of_its_images_as_polars_reads_them(simulated, cli):
    shown = summary(cli, simulated[0])
    images = Dataset(simulated[0]).images(Dataset(simulated[0]).tel_types[0]).collect()
    image, true = (images[name].to_numpy() for name in ("image", "true_image"))
    every = np.ones(len(image), bool)
    sums = ChargeSums(ChargeBins())
    sums.add(image, true, every, every)
    expected = charge_table(shown["table"][0]["tel_type"], simulated[0].name, sums).to_pylist()
    assert shown["table"] == expected  # to the last bit: pixels are added in the same order


def test_table_record_and_one_figure_per_type_are_written_as_a_whole(simulated, cli, tmp_path):
    code, out, err = cli("verify", "charge", *simulated, "-o", "charge")
    assert (code, err) == (0, "")
    assert "written to charge" in out
    folder = tmp_path / "charge"
    table = pq.read_table(folder / "charge.parquet")
    assert table.schema.equals(CHARGE_RESOLUTION, check_metadata=True)
    record = json.loads((folder / "charge.json").read_text())
    assert record["datasets"] == [str(root) for root in simulated]
    assert record["accounts"][0]["n_images"] > 0
    (figure,) = (folder / "figures").iterdir()
    assert figure.stem == table["tel_type"][0].as_py()
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["charge"]

    code, _, err = cli("verify", "charge", simulated[0], "-o", "charge")
    assert code == 2
    assert "--overwrite" in err
    code, _, _ = cli("verify", "charge", simulated[0], "-o", "charge", "--overwrite",
                     "--no-figures")  # fmt: skip
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["charge.json", "charge.parquet"]


def test_a_failure_while_drawing_leaves_nothing_behind(simulated, cli, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ctabatch.plot.charge_resolution.draw_charge_resolution", fails)
    code, _, err = cli("verify", "charge", simulated[0], "-o", "charge")
    assert code == 2
    assert "disk is full" in err
    assert list(tmp_path.iterdir()) == []


def test_the_table_on_the_screen_has_a_line_per_bin(cli, tmp_path):
    write_images(tmp_path / "d", *smeared())
    code, out, _ = cli("verify", "charge", "d", "--bins-per-decade", 1)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:2] == [f"{TYPE},", "LocalPeakWindowSum:"]
    starts = [line[0] for line in lines[2:7]]
    assert starts == ["0", "1", "10", "100", "1000"]
    assert "p.e." in out.splitlines()[2]


def test_images_without_truth_are_counted_and_the_others_used(cli, tmp_path):
    image, true = smeared(n=6)
    write_images(tmp_path / "d", image, true, part="with")
    write_images(tmp_path / "d", image, true, part="mixed", has_truth=np.arange(6) < 2)
    write_images(tmp_path / "d", image, true, part="without", has_truth=np.zeros(6, bool))
    shown = summary(cli, "d")
    (account,) = shown["accounts"]
    assert (account["n_images"], account["n_images_without_truth"]) == (8, 10)
    assert sum(row["n_pixels"] for row in shown["table"]) == 800
    assert any("10 images without true photo-electrons" in note for note in shown["notes"])


def test_a_type_without_any_truth_is_listed_and_ends_with_1(cli, tmp_path):
    image, true = smeared(n=3)
    write_images(tmp_path / "d", image, true, part="a")
    write_images(tmp_path / "d", image, true, part="b", tel_type="MST_MST_FlashCam",
                 has_truth=np.zeros(3, bool))  # fmt: skip
    code, _, err = cli("verify", "charge", "d", "-o", "charge")
    assert code == 1
    assert "MST_MST_FlashCam, LocalPeakWindowSum: no image to compare among 3" in err
    assert [path.stem for path in (tmp_path / "charge" / "figures").iterdir()] == [TYPE]


def test_no_truth_at_all_is_an_error(cli, tmp_path):
    image, true = smeared(n=3)
    write_images(tmp_path / "d", image, true, has_truth=np.zeros(3, bool))
    code, out, err = cli("verify", "charge", "d", "-o", "charge")
    assert (code, out) == (2, "")
    assert "no true photo-electrons" in err
    assert not (tmp_path / "charge").exists()


def test_nan_charges_are_counted_and_told(cli, tmp_path):
    image, true = smeared(n=5)
    image[0, :7], image[1, 0] = np.nan, np.inf
    write_images(tmp_path / "d", image, true)
    shown = summary(cli, "d")
    assert shown["accounts"][0]["n_pixels_not_finite"] == 8
    assert sum(row["n_not_finite"] for row in shown["table"]) == 8
    assert sum(row["n_pixels"] for row in shown["table"]) == 492
    assert any("8 pixels with NaN or infinite charge" in note for note in shown["notes"])


def test_pixels_that_were_not_read_out_and_failed_images_do_not_count(cli, tmp_path):
    image, true = smeared(n=5)
    read_out = np.ones((5, 100), bool)
    read_out[0, :30] = False
    read_out[1] = False  # null in the table: all pixels of this event have data
    image[0, :30] = 1e6
    write_images(tmp_path / "d", image, true, read_out=read_out, is_valid=np.arange(5) < 4)
    shown = summary(cli, "d")
    (account,) = shown["accounts"]
    assert (account["n_pixels_not_read_out"], account["n_images_failed"]) == (30, 1)
    assert account["n_pixels"] == 370
    assert all(abs(row["bias_pe"]) < 100 for row in shown["table"])


def test_pixels_outside_the_range_are_counted(cli, tmp_path):
    image, true = smeared(n=5)
    write_images(tmp_path / "d", image, true)
    shown = summary(cli, "d", "--min-charge", 5, "--max-charge", 300)
    account = shown["accounts"][0]
    assert account["n_pixels_below"] == ((true > 0) & (true < 5)).sum() > 0
    assert account["n_pixels_above"] == (true >= 300).sum() > 0
    assert {row["charge_lo"] for row in shown["table"][:2]} == {0, 5}


def test_the_result_does_not_depend_on_row_groups(cli, tmp_path):
    image, true = smeared(n=30)
    has_truth = np.arange(30) % 7 != 2
    for name, pieces in (("one", 1), ("many", 11)):
        write_images(tmp_path / name, image, true, pieces=pieces, has_truth=has_truth)
    one, many = (summary(cli, name)["table"] for name in ("one", "many"))
    assert one == many  # the sums are made pixel by pixel in the same order


def test_extractions_of_the_same_name_are_told_apart(cli, tmp_path):
    image, true = smeared(n=3)
    for width in (5, 9):
        extraction = {"extractor": "LocalPeakWindowSum", "window_width": width, "peak_index": 0}
        write_images(tmp_path / f"w{width}", image, true, extraction=extraction)
    shown = summary(cli, "w5", "w9")
    assert [account["extractor"] for account in shown["accounts"]] == [
        "LocalPeakWindowSum window_width=5",
        "LocalPeakWindowSum window_width=9",
    ]


def test_a_camera_that_stores_sums_is_said_to_need_no_extractor(cli, example_files):
    words = ["process", example_files["astri"], "-o", "astri", "--write", "images"]
    assert cli(*words)[0] == 0
    notes = summary(cli, "astri")["notes"]
    assert notes == [
        "SST_ASTRI_ASTRICam: the camera stores sums instead of samples, so no extractor was used"
    ]


def test_labels_hold_only_what_differs():
    def record(**extraction):
        return {"config": {"extraction": extraction}}

    records = [record(extractor="A", w=7), record(extractor="B", w=5), record(extractor="A", w=7)]
    assert extraction_labels(records) == ["A", "B", "A"]
    by_type = record(extractor="A", w=[["type", "*", 7]])
    assert extraction_labels([records[0], by_type, {}, {"config": {"level": "images"}}]) == [
        "A w=7", 'A w=[["type", "*", 7]]', "no extraction", "no extraction",
    ]  # fmt: skip
    assert extraction_labels([]) == []


def test_datasets_that_cannot_be_used_are_refused(cli, tmp_path):
    image, true = smeared(n=3)
    write_images(tmp_path / "d", image, true)
    for words, message in (
        (["nowhere"], "no ctabatch dataset"),
        (["d", "./d"], "named twice"),
        (["d", "--min-charge", "0"], "at least 1"),
        (["d", "--bins-per-decade", "0"], "bins per decade"),
    ):
        code, out, err = cli("verify", "charge", *words)
        assert (code, out) == (2, ""), words
        assert message in err

    (file,) = (tmp_path / "d" / "dl1" / "images" / f"tel_type={TYPE}").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    code, _, err = cli("verify", "charge", "d")
    assert code == 2
    assert file.name in err


def test_a_dataset_without_images_says_how_to_make_them(cli, tmp_path, simulated):
    words = ["simulate", "dl2", "--level", "dl2", "--showers", 100]
    assert cli(*words)[0] == 0
    code, _, err = cli("verify", "charge", "dl2")
    assert code == 2
    assert "ctabatch process --write images" in err
