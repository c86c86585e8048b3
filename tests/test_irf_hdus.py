"""Responses as FITS tables: equal to pyirf's in content, readable by gammapy, refused if wrong."""

from __future__ import annotations

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.io.fits import irf_hdus

pytest.importorskip("gammapy", exc_type=ImportError)

ENERGY = np.geomspace(0.01, 100, 9)
OFFSET = np.array([0.0, 0.4, 0.8, 1.2])
MIGRA = np.geomspace(0.2, 5, 6)
RAD = np.linspace(0, 1, 8)
LON, LAT = np.linspace(-2, 2, 5), np.linspace(-1, 1, 4)
RNG = np.random.default_rng(0)
AREA = RNG.random((8, 3)) * 1e5
EDISP = RNG.random((8, 5, 3))
PSF = RNG.random((8, 3, 7)) * 100
BKG = RNG.random((8, 3))
BKG_3D = RNG.random((8, 4, 3))
CUT = RNG.random((8, 3))


def pairs():
    """Our HDU and pyirf's of the same arrays."""
    import astropy.units as u
    from pyirf.io import gadf

    e, o, r = ENERGY * u.TeV, OFFSET * u.deg, RAD * u.deg
    rate = u.Unit("s-1 MeV-1 sr-1")
    for point_like in (False, True):
        yield (
            irf_hdus.effective_area_hdu(AREA, ENERGY, OFFSET, point_like=point_like),
            gadf.create_aeff2d_hdu(AREA * u.m**2, e, o, point_like=point_like),
        )
        yield (
            irf_hdus.energy_dispersion_hdu(EDISP, ENERGY, MIGRA, OFFSET, point_like=point_like),
            gadf.create_energy_dispersion_hdu(EDISP, e, MIGRA, o, point_like=point_like),
        )
    yield (
        irf_hdus.psf_table_hdu(PSF, ENERGY, OFFSET, RAD),
        gadf.create_psf_table_hdu(PSF / u.sr, e, r, o),
    )
    yield (
        irf_hdus.background_2d_hdu(BKG, ENERGY, OFFSET),
        gadf.create_background_2d_hdu(BKG * rate, e, o),
    )
    yield (
        irf_hdus.rad_max_hdu(CUT, ENERGY, OFFSET),
        gadf.create_rad_max_hdu(CUT * u.deg, e, o),
    )


def test_tables_equal_those_of_pyirf():
    """Tolerance 1e-15 relative: pyirf divides by units."""
    import astropy.units as u

    pytest.importorskip("pyirf")
    n = 0
    for ours, theirs in pairs():
        assert ours.columns.names == theirs.columns.names
        for column in ours.columns:
            other = theirs.columns[column.name]
            assert u.Unit(column.unit or "") == u.Unit(other.unit or "")
            a, b = ours.data[column.name], theirs.data[column.name]
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-15)
        for key in theirs.header:
            if key == "HDUCLAS2" and theirs.header[key] == "PSF":
                # the format names it both ways; validators take only the other one
                assert ours.header[key] == "RPSF"
            elif key.startswith(("HDUCLAS", "CREF", "HDUDOC")):
                assert ours.header[key] == theirs.header[key], key
        n += 1
    assert n == 7


def test_gammapy_reads_values_and_axes_back(tmp_path):
    from astropy.io import fits
    from gammapy import irf

    gauss = {name.lower(): np.full((8, 3), 0.1) for name in irf_hdus.GAUSSIANS}
    hdus = {
        "AEFF": (irf_hdus.effective_area_hdu, (AREA, ENERGY, OFFSET), irf.EffectiveAreaTable2D),
        "ED": (irf_hdus.energy_dispersion_hdu, (EDISP, ENERGY, MIGRA, OFFSET),
               irf.EnergyDispersion2D),
        "P": (irf_hdus.psf_table_hdu, (PSF, ENERGY, OFFSET, RAD), irf.PSF3D),
        "B2": (irf_hdus.background_2d_hdu, (BKG, ENERGY, OFFSET), irf.Background2D),
        "R": (irf_hdus.rad_max_hdu, (CUT, ENERGY, OFFSET), irf.RadMax2D),
    }  # fmt: skip
    made = [make(*args, name=name) for name, (make, args, _) in hdus.items()]
    made.append(irf_hdus.background_3d_hdu(BKG_3D, ENERGY, LON, LAT, alignment="ALTAZ", name="B3"))
    made.append(irf_hdus.psf_3gauss_hdu(gauss, ENERGY, OFFSET, name="G"))
    path = tmp_path / "irf.fits"
    fits.HDUList([fits.PrimaryHDU(), *made]).writeto(path)
    for name, (_, args, reader) in hdus.items():
        table = reader.read(path, hdu=name)
        np.testing.assert_array_equal(table.quantity.value, args[0])
        for axis, edges in zip(table.axes, args[1:], strict=True):
            np.testing.assert_allclose(axis.edges.value, edges, rtol=1e-14)
    background = irf.Background3D.read(path, hdu="B3")
    np.testing.assert_array_equal(background.quantity.value, BKG_3D)
    assert background.fov_alignment.value == "ALTAZ"
    psf = irf.EnergyDependentMultiGaussPSF.read(path, hdu="G")
    # gammapy keeps parametric responses in single precision
    sigma = psf.quantity["sigma_2"].to_value("deg")
    np.testing.assert_allclose(sigma, gauss["sigma_2"], rtol=1e-7)


def test_thresholds_are_the_range_with_area_unless_stated():
    area = AREA.copy()
    area[:2] = 0
    header = irf_hdus.effective_area_hdu(area, ENERGY, OFFSET).header
    assert (header["LO_THRES"], header["HI_THRES"]) == (ENERGY[2], ENERGY[-1])
    stated = irf_hdus.effective_area_hdu(area, ENERGY, OFFSET, thresholds=(0.5, 5)).header
    assert (stated["LO_THRES"], stated["HI_THRES"]) == (0.5, 5.0)


def test_radius_of_a_fixed_cut_is_written_as_a_float():
    header = irf_hdus.effective_area_hdu(AREA, ENERGY, OFFSET, point_like=True, rad_max=1).header
    assert isinstance(header["RAD_MAX"], float)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: irf_hdus.effective_area_hdu(AREA.T, ENERGY, OFFSET), "8 of ENERG, 3 of THETA"),
        (lambda: irf_hdus.effective_area_hdu(AREA, ENERGY[::-1], OFFSET), "increasing"),
        (lambda: irf_hdus.effective_area_hdu(AREA * np.nan, ENERGY, OFFSET), "24 of 24"),
        (lambda: irf_hdus.psf_3gauss_hdu({"scale": CUT}, ENERGY, OFFSET), "sigma_1, ampl_2"),
        (
            lambda: irf_hdus.background_3d_hdu(BKG_3D, ENERGY, LON, LAT, alignment="altaz"),
            "ALTAZ nor RADEC",
        ),
    ],
)
def test_arrays_that_make_no_response_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_responses_are_read_by_class_and_two_of_one_type_are_refused(tmp_path):
    from astropy.io import fits

    area = irf_hdus.effective_area_hdu(AREA, ENERGY, OFFSET)
    fits.HDUList([fits.PrimaryHDU(), area]).writeto(tmp_path / "a.fits")
    assert list(irf_hdus.read_responses(tmp_path)) == ["aeff"]
    fits.HDUList([fits.PrimaryHDU(), area.copy()]).writeto(tmp_path / "b.fits")
    with pytest.raises(InputError, match=r"two responses of type aeff.*a\.fits.*b\.fits"):
        irf_hdus.read_responses(tmp_path)
    assert list(irf_hdus.read_responses(tmp_path / "a.fits")) == ["aeff"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no responses"):
        irf_hdus.read_responses(tmp_path / "empty")


def test_gammapy_reads_a_single_bin_of_offset_without_a_message(tmp_path, caplog):
    from astropy.io import fits
    from gammapy.irf import EffectiveAreaTable2D

    path = tmp_path / "aeff.fits"
    hdu = irf_hdus.effective_area_hdu(AREA[:, :1], ENERGY, OFFSET[:2])
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    area = EffectiveAreaTable2D.read(path)
    assert caplog.messages == []
    assert area.axes["offset"].nbin == 1
    np.testing.assert_array_equal(area.data, AREA[:, :1])
