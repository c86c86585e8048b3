"""Strict models of every option of ``ctabatch irf``, and their YAML form."""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ctabatch.config import validated
from ctabatch.config.bounded import read_yaml
from ctabatch.errors import OptionError
from ctabatch.irf.axes import Axis, linear_axis, parse_axis
from ctabatch.irf.histograms import IrfAxes

#: What can be computed, in the order of the files.
QUANTITIES = ("aeff", "edisp", "psf", "background", "aeff_3d", "edisp_3d", "psf_3d",
              "background_3d")  # fmt: skip
#: Benchmarks beside the response functions.
BENCHMARKS = ("aeff_cuts", "energy", "direction", "background_rate", "sensitivity")
#: Bins of each axis that `--help` names as the defaults.
POINT_SOURCE_HALF_WIDTH = 0.25


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bins(_Strict):
    """Axes as "minimum,maximum,number"; energies in TeV with the number of bins per decade.

    The defaults are those of ``ctapipe-compute-irf``, but for offset bins of 0.5 deg instead of 5:
    wide ones bias fluxes, since gammapy interpolates between their centres.
    """

    energy: str = "0.015,150,10"
    reco_energy: str = "0.015,150,5"
    #: Offset from the pointing, deg; by default 0,5,10, or one bin around a point source.
    offset: str | None = None
    #: Offset bins of the background, deg; those of the offset if null.
    background_offset: str | None = None
    migra: str = "0.2,5,30"
    rad: str = "0,1,100"
    #: Both coordinates in the field of view, deg, for the quantities named ``*_3d``.
    fov: str = "-5,5,20"

    @field_validator("energy", "reco_energy", "migra", "rad", "fov", "offset", "background_offset")
    @classmethod
    def _readable(cls, text: str | None, info: Any) -> str | None:
        if text is not None:
            _axis(str(info.field_name), text)
        return text

    def axes(self, source_offset: float | None) -> IrfAxes:
        """Axes of all response functions.

        Parameters
        ----------
        source_offset : float, optional
            Offset in deg of simulated point-source gammas; none if they fill a view cone.
        """
        if self.offset is not None:
            offset = _axis("offset", self.offset)
        elif source_offset is None:
            offset = linear_axis("offset", 0, 5, 10)
        else:
            low = max(0.0, round(source_offset - POINT_SOURCE_HALF_WIDTH, 3))
            offset = linear_axis("offset", low, round(source_offset, 3) + POINT_SOURCE_HALF_WIDTH,
                                 1)  # fmt: skip
        background = self.background_offset
        if background is None and self.offset is None and source_offset is not None:
            background = "0,5,10"
        return IrfAxes(
            true_energy=_axis("energy", self.energy),
            reco_energy=_axis("reco_energy", self.reco_energy),
            offset=offset,
            migra=_axis("migra", self.migra),
            rad=_axis("rad", self.rad),
            background_offset=None if background is None else _axis("offset", background),
            fov_lon=parse_axis("fov_lon", self.fov),
            fov_lat=parse_axis("fov_lat", self.fov),
        )


def _axis(field: str, text: str) -> Axis:
    names = {"reco_energy": "energy", "background_offset": "offset", "fov": "fov_lon"}
    return parse_axis(names.get(field, field), text)


class CutOptions(_Strict):
    """Selection of gamma-like events.

    ``optimise`` takes, in each bin of reconstructed energy, the cuts in gammaness, theta and
    multiplicity with the best sensitivity; ``percentile`` keeps a fraction of the gammas; ``fixed``
    takes the numbers below; ``none`` keeps all. ``auto`` is ``optimise`` with a background, else
    ``percentile``. ``file`` reads the cuts of an earlier run.
    """

    kind: Literal["auto", "optimise", "optimise_gammaness", "percentile", "fixed", "file",
                  "none"] = "auto"  # fmt: skip
    #: Fixed cuts; theta in deg.
    gammaness: float | None = None
    theta: float | None = Field(default=None, gt=0)
    multiplicity: int | None = Field(default=None, ge=1)
    #: Fractions that percentile cuts keep.
    gammaness_efficiency: float = Field(default=0.68, gt=0, lt=1)
    theta_efficiency: float = Field(default=0.68, gt=0, lt=1)
    #: Grid of the optimisation: first, last, step of the efficiencies; multiplicities.
    efficiency_grid: tuple[float, float, float] = (0.1, 0.8, 0.1)
    multiplicity_grid: tuple[int, int] = (2, 10)
    #: Ring of offsets from the pointing, deg, whose events the cuts are optimised with.
    offset: tuple[float, float] = (0.0, 5.0)
    #: Largest theta cut, deg.
    max_theta: float = Field(default=0.5, gt=0)
    min_events: int = Field(default=10, ge=1)
    #: Events of each class that the optimisation looks at; a reproducible sample if there are more.
    max_rows: int = Field(default=5_000_000, ge=1000)
    #: Folder of responses, or a file of cuts (Parquet or FITS).
    file: str | None = None

    @field_validator("file")
    @classmethod
    def _not_empty(cls, file: str | None) -> str | None:
        return file or None


class Spectra(_Strict):
    """Spectra that events are weighted to: a name, or SQL of ``energy`` in TeV.

    In 1/(TeV s cm2), and per sr for background; see `ctabatch.irf.spectra`.
    """

    gamma: str = "CRAB_HEGRA"
    proton: str = "IRFDOC_PROTON"
    electron: str = "IRFDOC_ELECTRON"


class IrfConfig(_Strict):
    """All options of ``ctabatch irf``."""

    bins: Bins = Bins()
    quantities: tuple[str, ...] = Field(default=QUANTITIES[:4], min_length=1)
    benchmarks: tuple[str, ...] = BENCHMARKS
    #: Name -> SQL over the columns of the events that is true for events to use.
    quality: dict[str, str] = {}
    cuts: CutOptions = CutOptions()
    #: Apply the theta cut to effective area and energy dispersion, and write it as RAD_MAX.
    point_like: bool = False
    #: Expressions whose values separate groups of events with responses of their own.
    by: tuple[str, ...] = ()
    spectra: Spectra = Spectra()
    #: Observation time that background and sensitivity are made for, h.
    obs_time: float = Field(default=50.0, gt=0)
    #: Exposure of the signal region relative to that of the background regions.
    alpha: float = Field(default=0.2, gt=0)
    #: SQL with the same integer value in all uses of one shower, null to take events as
    #: independent, "auto" for the numbering of sim_telarray if events come from a dataset.
    shower: str | None = "auto"
    #: Refuse counts of simulated showers that do not belong to the events.
    audit: bool = True
    #: Parametric point spread function besides the table: three Gaussians or a King profile.
    psf_fit: Literal["none", "3gauss", "king"] = "none"

    @field_validator("quantities", "benchmarks")
    @classmethod
    def _known(cls, names: tuple[str, ...], info: Any) -> tuple[str, ...]:
        valid = QUANTITIES if info.field_name == "quantities" else BENCHMARKS
        for name in names:
            if name not in valid:
                raise ValueError(str(OptionError.unknown_name(str(info.field_name), name, valid)))
        return tuple(name for name in valid if name in names)

    def to_yaml(self) -> str:
        """Text that `load_config` reads."""
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=100)
        return text


def load_config(text: str, where: str, changes: dict[str, Any] | None = None) -> IrfConfig:
    """Configuration of a YAML text, with some values replaced.

    Parameters
    ----------
    text : str
        YAML (or JSON); what it does not name keeps its default.
    where : str
        Name of the file, for messages.
    changes : dict, optional
        Values that override the text; sections are dictionaries.

    Raises
    ------
    OptionError
        The text is no YAML, or an option is unknown or has an impossible value.
    """
    content = read_yaml(text, where)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise OptionError(f"{where}: options with names are expected, see --show-config")
    for name, value in (changes or {}).items():
        if isinstance(value, dict) and isinstance(content.get(name), dict):
            content[name] = {**content[name], **value}
        else:
            content[name] = value
    return validated(IrfConfig, content, where)


__all__ = ["BENCHMARKS", "QUANTITIES", "Bins", "CutOptions", "IrfConfig", "Spectra", "load_config"]
