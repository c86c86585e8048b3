"""``ctabatch plot`` and ``process --display``: files that appear whole, messages, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib import image as mpl_image
from matplotlib.figure import Figure

from ctabatch.errors import OptionError
from ctabatch.plot.saving import save_figure
from tests import eventio_bytes as eb
from tests.test_damage import decompressed


@pytest.fixture(scope="module")
def sst1m(example_files):
    return example_files["sst1m"]


@pytest.fixture
def dl1(cli, sst1m):
    """A dataset of the first events, in the folder of the test."""

    def make(write, name="dl1"):
        words = ("--write", write, "--max-events", 3, "--threads", 1)
        assert cli("process", sst1m, "-o", name, *words)[0] == 0
        return name

    return make


def pictures(folder="."):
    return sorted(p.name for p in Path(folder).iterdir() if p.suffix in (".png", ".pdf", ".svg"))


def unfinished():
    return list(Path().rglob("*.wip"))


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("camera",), "sst1m-camera-event301.png"),
        (("camera", "--tel", 37, "--true"), "sst1m-camera-event301-tel37-true_image.png"),
        (("waveforms",), "sst1m-waveforms-event301-tel29.png"),
        (("waveforms", "--raw", "--pixel", 7), "sst1m-waveforms-event301-tel29-pixel7.png"),
        (("array", "--event", 303), "sst1m-array-event303.png"),
    ],
)
def test_a_picture_of_an_example_is_named_after_it(words, file, cli, example_files):
    del example_files  # fetched
    code, out, err = cli("plot", words[0], "example:sst1m", *words[1:])
    assert (code, err) == (0, "")
    assert file in out
    assert pictures() == [file]
    assert mpl_image.imread(file).std() > 0.05  # something is drawn
    assert unfinished() == []


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_ending_of_the_file_is_its_format(ending, magic, cli, sst1m):
    assert cli("plot", "array", sst1m, "-o", f"new/a.{ending}")[0] == 0
    assert Path(f"new/a.{ending}").read_bytes().startswith(magic)


def test_other_endings_are_refused_before_any_work(cli):
    code, _, err = cli("plot", "array", "nothing", "-o", "a.jpg")
    assert code == 2
    assert ".png, .pdf, .svg" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--event", 302), "no event 302 with data. Nearest: 301, 303, 501. First of 31: 301, 303"),
        (("--obs-id", 7), "no observation 7 with data. Nearest: 102"),
        (("--event", 301, "--tel", 1), "no image of telescope 1; it has those of: 29, 37"),
        (("--tel", 99), "no image of telescope 99 with data. Nearest: 67, 69, 70"),
        (("--column", "imag"), "Did you mean 'image'"),
        (("--true", "--column", "image"), "exclude each other"),
        (("--show",), "no display"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(words, message, cli, sst1m, monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.get_backend", lambda: "agg")
    code, out, err = cli("plot", "camera", sst1m, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert pictures() == []


def test_a_damaged_file_gives_a_picture_and_exit_code_1(cli, example_files):
    data = bytearray(decompressed(example_files["lst-muons"]))
    word = [word for _, kind, word, _ in eb.headers(bytes(data)) if kind == 2010][1]
    data[word + 9] ^= 0x10  # of the event before the one that is meant
    Path("f.simtel").write_bytes(data)
    code, out, err = cli("plot", "array", "f.simtel", "--event", 300, "--json")
    assert code == 1
    facts = json.loads(out)
    assert (facts["event_id"], facts["file"]) == (300, "f-array-event300.png")
    assert f"byte {word - 4}" in " ".join(facts["losses"])
    assert "lost:" in err
    assert pictures() == ["f-array-event300.png"]


def test_images_of_a_dataset_are_shown_as_those_of_its_file(cli, dl1, sst1m):
    dl1("images,parameters,geometry")
    assert cli("plot", "camera", "dl1", "-o", "stored.png")[0] == 0
    assert cli("plot", "camera", sst1m, "-o", "made.png")[0] == 0
    assert (mpl_image.imread("stored.png") == mpl_image.imread("made.png")).all()


@pytest.mark.parametrize(
    ("write", "words", "message"),
    [
        ("parameters", ("camera",), "no images; process its input with --write images"),
        ("images", ("waveforms",), "no waveforms; process its input with --write r1,images"),
        ("r1,images", ("waveforms", "--raw"), "process its input with --write r0"),
        ("images", ("parameters",), "no image parameters; process its input with --write"),
        ("images", ("camera", "--config", "c.yaml"), "made already"),
    ],
)
def test_a_dataset_without_what_is_needed_says_what_to_write(write, words, message, cli, dl1):
    dl1(write)
    Path("c.yaml").write_text("cleaning: {picture_threshold_pe: 5}")
    code, _, err = cli("plot", words[0], "dl1", *words[1:])
    assert code == 2
    assert message in err
    assert pictures() == []


@pytest.mark.parametrize(
    ("write", "words"),
    [
        ("r1,images", ("waveforms",)),
        ("r0", ("waveforms", "--raw")),
        ("r0", ("camera",)),
        ("parameters", ("array",)),
        ("parameters", ("parameters", "--columns", "hillas_width, hillas_intensity")),
    ],
)
def test_what_a_dataset_has_is_enough(write, words, cli, dl1):
    dl1(write)
    code, _, err = cli("plot", words[0], "dl1", *words[1:], "-o", "a.png")
    assert (code, err) == (0, "")
    assert pictures() == ["a.png"]


def test_several_datasets_lie_on_top_of_each_other(cli, dl1, monkeypatch):
    drawn = []
    dl1("parameters")
    dl1("parameters", "other")
    monkeypatch.setattr("ctabatch.plot.saving.save_figure", lambda figure, _: drawn.append(figure))
    words = ("plot", "parameters", "dl1", "other", "--columns", "hillas_width")
    assert cli(*words, "--label", "first", "--label", "second")[0] == 0
    (ax,) = drawn[0].subfigs[0].axes
    labels = ax.get_legend_handles_labels()[1]
    assert [label.split()[0] for label in labels] == ["first", "second"]
    code, _, err = cli(*words, "--label", "first")
    assert code == 2
    assert "1 labels for 2 datasets" in err


def test_an_unknown_column_or_telescope_type_is_told(cli, dl1):
    dl1("parameters")
    code, _, err = cli("plot", "parameters", "dl1", "--columns", "hillas_widht")
    assert code == 2
    assert "hillas_width" in err
    code, _, err = cli("plot", "parameters", "dl1", "--tel-type", "LST")
    assert code == 2
    assert "SST_1M_DigiCam" in err


def test_an_old_picture_stays_if_the_new_one_fails(tmp_path, monkeypatch):
    file = tmp_path / "a.png"
    save_figure(Figure(), file)
    before = file.read_bytes()

    def fail(self, path, **_):
        path.write_bytes(b"half")
        raise ZeroDivisionError

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(ZeroDivisionError):
        save_figure(Figure(), file)
    assert file.read_bytes() == before
    assert [*tmp_path.iterdir()] == [file]
    with pytest.raises(OptionError):
        save_figure(Figure(), tmp_path / "a")


def test_process_shows_the_first_events_beside_the_dataset(cli, sst1m):
    words = ("--max-events", 4, "--threads", 1, "--write", "parameters")
    code, out, _ = cli("process", sst1m, "-o", "dl1", *words, "--display", 2)
    assert code == 0
    assert "2 pictures in" in out
    names = pictures("dl1-display")
    assert [name.partition("-obs")[2] for name in names] == [
        "102-event301.png", "102-event303.png"
    ]  # fmt: skip
    assert pictures("dl1") == []
    assert (
        cli("process", sst1m, "-o", "other", *words, "--display", 1, "--display-to", "see")[0] == 0
    )
    assert len(pictures("see")) == 1


def test_pictures_do_not_go_into_a_dataset(cli, dl1, sst1m):
    dl1("parameters")
    code, _, err = cli("process", sst1m, "-o", "new", "--display", 1, "--display-to", "dl1")
    assert code == 2
    assert "name a folder of its own" in err
