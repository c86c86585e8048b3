"""Camera images: what is drawn is where the pixels, the cleaned ones and the image are."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

import ctabatch
from ctabatch.errors import OptionError
from ctabatch.plot.camera import camera_image, mask_contour, pixel_outlines
from ctabatch.plot.inputs import find_event
from ctabatch.plot.pictures import camera_grid, telescope_camera
from ctabatch.plot.style import NO_VALUE

CAMERAS = {"sst1m": "DigiCam", "prod6": "NectarCam", "history-meta": "LSTCam",
           "gamma-test-large": "FlashCam", "pixel-monitoring": "FlashCam", "gamma-test": "CHEC",
           "calibration": "SCTCam", "astri": "ASTRICam"}  # fmt: skip


def geometry_of(name, example_files):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old files have no effective focal length
        with ctabatch.open(example_files[name]) as source:
            cameras = [t.geometry for t in source.subarray.telescopes.values()]
    return next(camera for camera in cameras if camera.name == CAMERAS[name])


def area(polygons):
    x, y = polygons[..., 0], polygons[..., 1]
    return 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(axis=1))


@pytest.fixture(params=CAMERAS)
def camera(request, example_files):
    return geometry_of(request.param, example_files)


@pytest.fixture(scope="module")
def event(example_files):
    return find_event(example_files["history-meta"])


def test_outlines_have_the_area_of_the_pixels_around_their_centres(camera):
    outlines = pixel_outlines(camera)
    assert outlines.shape == (camera.n_pixels, 4 if camera.pixel_shape == "square" else 6, 2)
    np.testing.assert_allclose(area(outlines), camera.area_deg2, rtol=1e-9)  # rounding
    centres = np.column_stack([camera.fov_lon, camera.fov_lat])
    np.testing.assert_allclose(outlines.mean(axis=1), centres, atol=1e-9)


def test_edges_of_neighbours_face_each_other(camera):
    """Also in files that do not tell how pixels are turned: edges are parallel to 1e-3 rad."""
    outlines = pixel_outlines(camera)
    middles = 0.5 * (outlines + np.roll(outlines, -1, axis=1)) - outlines.mean(axis=1)[:, None]
    indptr, indices = camera.neighbors
    pixel = np.repeat(np.arange(camera.n_pixels), np.diff(indptr))
    centres = outlines.mean(axis=1)
    to = centres[indices] - centres[pixel]
    cosine = np.einsum("pec,pc->pe", middles[pixel], to) / (
        np.linalg.norm(middles[pixel], axis=2) * np.linalg.norm(to, axis=1)[:, None]
    )
    # across the gaps of modules, neighbours of squares may stand a little aside
    assert np.quantile(cosine.max(axis=1), 0.05) > 0.999


def test_the_contour_of_all_pixels_is_that_of_the_border(camera):
    contour = mask_contour(camera, np.ones(camera.n_pixels, bool))
    counts = np.diff(camera.neighbors[0])
    n_corners = pixel_outlines(camera).shape[1]
    assert len(contour) == (n_corners - counts).clip(0).sum()


def test_the_contour_of_one_pixel_is_its_outline(camera):
    mask = np.zeros(camera.n_pixels, bool)
    mask[camera.n_pixels // 2] = True
    contour = mask_contour(camera, mask)
    np.testing.assert_array_equal(contour[:, 0], pixel_outlines(camera)[camera.n_pixels // 2])
    assert len(mask_contour(camera, ~mask | mask)) > 0
    assert len(mask_contour(camera, np.zeros(camera.n_pixels, bool))) == 0


def test_two_neighbours_share_no_edge_of_the_contour(camera):
    indptr, indices = camera.neighbors
    pixel = int(np.argmax(np.diff(indptr)))
    mask = np.zeros(camera.n_pixels, bool)
    mask[[pixel, indices[indptr[pixel]]]] = True
    n_corners = pixel_outlines(camera).shape[1]
    assert len(mask_contour(camera, mask)) == 2 * n_corners - 2


def test_an_image_shows_every_pixel_in_its_shape_and_colour(camera):
    image = np.arange(camera.n_pixels, dtype=float)
    image[3] = np.nan
    ax = camera_image(camera, image, Figure().subplots())
    pixels = next(c for c in ax.collections if isinstance(c, PolyCollection))
    drawn = np.array([path.vertices[:-1] for path in pixels.get_paths()])
    np.testing.assert_allclose(drawn, pixel_outlines(camera))
    pixels.update_scalarmappable()
    colours = pixels.get_facecolor()
    np.testing.assert_allclose(colours[-1], pixels.cmap(1.0))
    np.testing.assert_allclose(colours[3], to_rgba(NO_VALUE))
    assert pixels.cmap.name == "viridis"
    assert ax.get_aspect() == 1.0


def test_the_ellipse_is_where_the_image_is(event):
    image = event.images[0]
    row = image.parameters
    ax = telescope_camera(event, image, Figure().subplots())
    (ellipse,) = (patch for patch in ax.patches if isinstance(patch, Ellipse))
    assert ellipse.center == (row["hillas_fov_lon"], row["hillas_fov_lat"])
    assert ellipse.width == 4 * row["hillas_length"]
    assert ellipse.height == 4 * row["hillas_width"]
    assert ellipse.angle == row["hillas_psi"]
    # an independent look at the pixels: most of the light is in it
    mask, charge = image.columns["image_mask"], image.columns["image"]
    places = np.column_stack([image.geometry.fov_lon, image.geometry.fov_lat])
    inside = ellipse.get_path().contains_points(
        ellipse.get_patch_transform().inverted().transform(places)
    )
    assert charge[inside & mask].sum() > 0.8 * charge[mask].sum()


def test_an_image_that_did_not_survive_cleaning_has_no_ellipse_and_no_contour(event):
    image = event.images[0]
    nothing = dict.fromkeys(image.parameters, np.nan)
    empty = np.zeros(image.geometry.n_pixels, bool)
    ax = camera_image(image.geometry, image.columns["image"], Figure().subplots(), mask=empty,
                      parameters=nothing)  # fmt: skip
    assert [patch for patch in ax.patches if isinstance(patch, Ellipse)] == []
    assert len(ax.collections) == 1


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf])
def test_images_of_one_value_or_of_none_are_drawn(value, event):
    image = np.full(event.images[0].geometry.n_pixels, value)
    figure = Figure()
    camera_image(event.images[0].geometry, image, figure.subplots())
    figure.draw_without_rendering()


def test_peak_times_are_those_of_cleaned_pixels(event):
    image = event.images[0]
    ax = telescope_camera(event, image, Figure().subplots(), column="peak_time")
    shown = ax.collections[0].get_array()
    np.testing.assert_array_equal(~np.ma.getmaskarray(shown), image.columns["image_mask"])


def test_an_unknown_column_and_one_without_values_are_refused(event):
    image = event.images[0]
    without = replace(image, columns={**image.columns, "true_image": None})
    with pytest.raises(OptionError, match="Valid: image, peak_time"):
        telescope_camera(event, event.images[0], column="nonsense")
    with pytest.raises(OptionError, match="no values of true_image"):
        telescope_camera(event, without, column="true_image")


def test_colour_bars_are_as_high_as_the_camera_and_nothing_overlaps(event):
    figure = camera_grid(event, event.images[:3])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    cameras = [ax for ax in figure.axes if ax.get_xlabel()]
    assert len(cameras) == 3
    boxes = [ax.get_tightbbox(renderer) for ax in cameras]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])
    for ax in cameras:
        bar = ax.child_axes[0].get_window_extent()
        assert bar.height == pytest.approx(ax.get_window_extent().height, rel=0.01)


def test_without_axes_a_figure_is_made(event):
    from matplotlib import pyplot as plt

    ax = camera_image(event.images[0].geometry, event.images[0].columns["image"])
    try:
        assert ax.figure.number in plt.get_fignums()
    finally:
        plt.close(ax.figure)
