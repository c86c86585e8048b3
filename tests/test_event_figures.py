"""Waveforms, the array and distributions: what is drawn is what the data say."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ctabatch.config import ProcessConfig
from ctabatch.errors import InputError, OptionError
from ctabatch.plot.array import array_view, ground_axis
from ctabatch.plot.distributions import common_bins, histogram
from ctabatch.plot.event_data import Wanted
from ctabatch.plot.inputs import find_event
from ctabatch.plot.integrator import integrator
from ctabatch.plot.pictures import array_figure, event_picture
from ctabatch.plot.waveforms import brightest_pixels, brightest_waveforms, waveform


@pytest.fixture(scope="module")
def event(example_files):
    return find_event(example_files["history-meta"])


def with_label(ax, label):
    handles, labels = ax.get_legend_handles_labels()
    return handles[labels.index(label)]


def test_the_window_is_shaded_around_its_samples():
    samples = np.array([0, 1, 5, 2, 0.0])
    ax = waveform(samples, Figure().subplots(), sampling_rate=2.0, start=10.0, window=(1, 4),
                  peak=2, peak_time=11.1)  # fmt: skip
    box = with_label(ax, "integration window").get_extents().transformed(ax.transData.inverted())
    assert (box.x0, box.x1) == pytest.approx((10.25, 11.75))
    assert with_label(ax, "peak sample").get_xdata() == [11.0]
    assert with_label(ax, "peak time").get_xdata() == [11.1, 11.1]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), 10 + 0.5 * np.arange(5))


def test_the_integrator_shows_the_brightest_pixel_and_all_its_neighbours(event):
    image = event.images[0]
    figure = integrator(event, image)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    pixel = int(np.argmax(image.columns["image"]))
    indptr, indices = image.geometry.neighbors
    neighbours = indices[indptr[pixel] : indptr[pixel + 1]].tolist()
    assert titles[0].startswith(f"pixel {pixel}: {image.columns['image'][pixel]:.1f} p.e., ")
    assert [int(t.split()[1].rstrip(":")) for t in titles[1:]] == neighbours
    main = next(ax for ax in figure.axes if ax.get_title(loc="left").startswith("pixel"))
    assert with_label(main, "peak time").get_xdata()[0] == image.columns["peak_time"][pixel]
    line = next(one for one in main.lines if len(one.get_ydata()) > 10)
    np.testing.assert_array_equal(line.get_ydata(), image.traces.r1[pixel])


def test_raw_samples_of_both_gains_are_shown(event):
    image = event.images[0]
    figure = integrator(event, image, 100, raw=True)
    main = next(ax for ax in figure.axes if ax.get_title(loc="left").startswith("pixel"))
    np.testing.assert_array_equal(
        with_label(main, "other gain").get_ydata(), image.traces.raw[1, 100]
    )
    np.testing.assert_array_equal(
        with_label(main, "selected gain").get_ydata(), image.traces.raw[0, 100]
    )
    assert main.get_title(loc="left").endswith("high gain")


@pytest.mark.parametrize("raw", [False, True])
def test_legend_and_titles_of_the_integrator_do_not_overlap(raw, event):
    figure = integrator(event, event.images[0], raw=raw)
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.subfigs[1].legends
    box, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    axes = figure.subfigs[1].axes
    for ax in axes:
        assert not box.overlaps(ax.get_tightbbox())
    titles = [ax._left_title.get_window_extent() for ax in axes]
    for k, title in enumerate(titles):
        assert title.x1 <= whole.x1
        assert not any(title.overlaps(other) for other in titles[:k])


def test_a_pixel_that_does_not_exist_and_cameras_of_sums_are_refused(event, example_files):
    with pytest.raises(OptionError, match=r"no pixel 9999: its pixels are 0 to 1854"):
        integrator(event, event.images[0], 9999)
    sums = find_event(example_files["astri"])
    with pytest.raises(InputError, match="store sums"):
        integrator(sums, sums.images[0])


def test_the_brightest_pixels_come_first_and_those_without_a_value_last():
    assert brightest_pixels(np.array([1.0, np.nan, 5.0, 2.0]), 4) == [2, 3, 0, 1]
    samples = np.zeros((3, 4), np.float32)
    samples[1] = 2
    ax = brightest_waveforms(samples, Figure().subplots(), sampling_rate=1.0, n_pixels=1)
    assert [line.get_label() for line in ax.lines] == ["pixel 1"]


def test_image_axes_point_to_the_core(example_files):
    """Lines of bright images pass the true core; half of them within 40 m, at 1.9 TeV."""
    config = ProcessConfig(source={"focal_length": "equivalent"})
    event = find_event(example_files["gamma-test-large"], Wanted(event_id=31012), config=config)
    core, distances = np.array(event.true_core), []
    for image in event.images[:8]:
        north, west = ground_axis(image.parameters, image.pointing)
        away = core - image.telescope.position[:2]
        distances.append(abs(away[0] * west - away[1] * north))
    assert np.median(distances) < 40
    assert np.hypot(*(np.array(event.reconstructed_core) - core)) < 40


def test_images_without_an_axis_have_no_line():
    row = {"hillas_fov_lon": np.nan, "hillas_fov_lat": np.nan, "hillas_psi": np.nan}
    assert ground_axis(row, (1.2, 0.0)) is None


def test_a_telescope_that_looks_up_puts_an_image_axis_along_the_ground():
    """In the zenith, at azimuth 0, fov_lon runs to the east and fov_lat to the south."""
    row = {"hillas_fov_lon": 1.0, "hillas_fov_lat": 0.0, "hillas_psi": 0.0}
    north, west = ground_axis(row, (np.pi / 2, 0.0))
    assert (abs(north), abs(west)) == pytest.approx((0, 1), abs=1e-6)  # great circles bend


def test_the_array_shows_telescopes_cores_and_axes_in_their_places(event):
    figure = array_figure(event)
    (ax,) = figure.axes
    north, west = event.true_core
    assert with_label(ax, "true core").get_xydata().tolist() == [[-west, north]]
    north, west = event.reconstructed_core
    assert with_label(ax, "reconstructed core").get_xydata().tolist() == [[-west, north]]
    numbered = {text.get_text(): text.xy[0] for text in ax.texts}
    assert set(map(str, event.triggered)) <= set(numbered)
    for tel_id in event.triggered:
        assert numbered[str(tel_id)] == -event.subarray.telescopes[tel_id].position[1]
    assert len(ax.patches) == len(event.subarray.telescopes)
    assert ax.get_aspect() == 1.0


def test_a_core_kilometres_away_does_not_shrink_the_array(event):
    ax = array_view(event.subarray, Figure().subplots(), triggered=event.triggered,
                    reconstructed=(50_000.0, 0.0))  # fmt: skip
    assert ax.get_ylim()[1] < 2000
    assert with_label(ax, "reconstructed core (outside: -0, 50000 m)")


def test_a_small_array_is_shown_as_a_whole_and_no_mirror_is_cut():
    places = [(50, -50), (-50, -50), (-50, 50), (50, 50)]
    scopes = {
        k: SimpleNamespace(position=place, optics=SimpleNamespace(mirror_area=390.0))
        for k, place in enumerate(map(np.array, places), start=1)
    }
    ax = array_view(SimpleNamespace(telescopes=scopes), Figure().subplots(), triggered=[1, 4],
                    core=(165.0, -30.0))  # fmt: skip
    assert len(ax.patches) == 4
    for circle in ax.patches:
        for middle, limits in zip(circle.center, (ax.get_xlim(), ax.get_ylim()), strict=True):
            assert limits[0] < middle - circle.radius
            assert middle + circle.radius < limits[1]


def test_an_event_at_one_glance_has_the_array_and_its_brightest_cameras(event):
    figure = event_picture(event, n_cameras=3)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == [image.title for image in event.images[:3]]


def test_histograms_hold_every_value_of_small_samples():
    values = np.array([1.0, 2.5, 40.0])
    edges, logarithmic = common_bins([values])
    assert (edges[0], edges[-1]) == (1.0, 40.0)
    ax = histogram({"a": values}, Figure().subplots())
    assert ax.patches[0].get_data().values.sum() == pytest.approx(1.0)
    assert logarithmic == (ax.get_xscale() == "log")


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (np.geomspace(10, 1e4, 500), "log"),
        (np.linspace(0, 1, 500), "linear"),
        (np.linspace(-5, 5, 500), "linear"),
        (np.arange(20.0), "linear"),
        (np.zeros(10), "linear"),
        (np.array([np.nan, np.inf]), "linear"),
        (np.empty(0), "linear"),
    ],
)
def test_axes_are_logarithmic_where_that_shows_more(values, scale):
    figure = Figure()
    ax = histogram({"a": values, "b": values[:0]}, figure.subplots())
    figure.draw_without_rendering()
    assert ax.get_xscale() == scale


def test_whole_numbers_have_a_bin_each():
    edges, _ = common_bins([np.array([1.0, 2.0, 4.0])])
    assert edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
