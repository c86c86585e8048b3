"""Strict models of every option, and the digest that says whether two runs had the same ones."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctabatch.errors import OptionError
from ctabatch.stages.clean import TailcutsOptions
from ctabatch.stages.dl1 import Dl1Options
from ctabatch.stages.extract import ExtractionOptions, Extractor

#: What `process` can write besides the event tables, in the order of processing.
Product = Literal["r0", "r1", "images", "parameters", "geometry"]
PRODUCTS: tuple[Product, ...] = ("r0", "r1", "images", "parameters", "geometry")

Reconstructor = Literal["HillasReconstructor", "HillasIntersection"]
Model = TypeVar("Model", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceConfig(_Strict):
    """What is read from the input."""

    focal_length: Literal["effective", "equivalent"] = "effective"
    allowed_tels: tuple[int, ...] | None = None
    max_events: int | None = Field(default=None, ge=1)


class ExtractionConfig(_Strict):
    """Gain selection and charge extraction."""

    extractor: Extractor = "NeighborPeakWindowSum"
    gain_threshold: int = Field(default=4000, ge=0)
    window_width: int = Field(default=7, ge=1)
    #: 3, and 0 for FixedWindowSum, unless given.
    window_shift: int | None = Field(default=None, ge=0)
    #: Of FixedWindowSum.
    peak_index: int = Field(default=0, ge=0)
    apply_integration_correction: bool = True


class CleaningConfig(_Strict):
    """Two-threshold cleaning."""

    picture_threshold_pe: float = 10.0
    boundary_threshold_pe: float = 5.0
    min_picture_neighbors: int = Field(default=2, ge=0)
    keep_isolated_pixels: bool = False


class StereoConfig(_Strict):
    """Geometry of showers from the images of several telescopes."""

    #: Name -> SQL expression over the columns of dl1/parameters; images that fail are not used.
    quality: dict[str, str] = {
        "enough_charge": "hillas_intensity > 50",
        "positive_width": "hillas_width > 0",
        "enough_pixels": "morphology_n_pixels > 3",
    }
    reconstructors: tuple[Reconstructor, ...] = ("HillasReconstructor",)
    #: Weights of the pairs of images in HillasIntersection.
    weighting: Literal["Konrad", "hess"] = "Konrad"


class ProcessConfig(_Strict):
    """All options of ``ctabatch process``."""

    source: SourceConfig = SourceConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    cleaning: CleaningConfig = CleaningConfig()
    stereo: StereoConfig = StereoConfig()
    write: tuple[Product, ...] = ("images", "parameters", "geometry")

    @classmethod
    def from_yaml(cls, text: str, where: str, **options: Any) -> Self:
        """Configuration of a YAML text.

        Parameters
        ----------
        text : str
        where : str
            Its file, for messages.
        **options
            Sections, or parts of sections, that override the text.

        Raises
        ------
        OptionError
            The text is no YAML mapping, or a key or value is not valid.
        """
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise OptionError(f"{where}: not readable as YAML: {error}") from error
        if not isinstance(found or {}, dict):
            raise OptionError(f"{where}: this is no mapping of sections to options")
        return validated(cls, _merged(found or {}, options), where)

    def digest(self) -> str:
        """Short name of this configuration, equal for equal options."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def dl1_options(self) -> Dl1Options:
        """Options of the DL1 stage."""
        return Dl1Options(
            extraction=ExtractionOptions(**self.extraction.model_dump()),
            cleaning=TailcutsOptions(**self.cleaning.model_dump()),
        )


def validated(model: type[Model], data: dict[str, Any], where: str) -> Model:
    """Check data against a model.

    Raises
    ------
    OptionError
        A key is unknown (the message names the nearest ones) or a value is not valid.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(step) for step in first["loc"]]
        if first["type"] == "extra_forbidden":
            kind = f"{where}: option in {'.'.join(path[:-1]) or 'the file'}:"
            raise OptionError.unknown_name(kind, path[-1], _options_at(model, path[:-1])) from error
        raise OptionError(f"{where}: {'.'.join(path)}: {first['msg']}") from error


def _options_at(model: type[BaseModel], path: list[str]) -> list[str]:
    for step in path:
        field = model.model_fields.get(step)
        if field is None or not isinstance(field.annotation, type):
            return []
        model = field.annotation
    return list(model.model_fields)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, section by section."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def products(text: str) -> tuple[Product, ...]:
    """Products named in a comma-separated list, in the order of processing.

    Raises
    ------
    OptionError
        A name is unknown.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PRODUCTS:
            raise OptionError.unknown_name("product", name, PRODUCTS)
    return tuple(product for product in PRODUCTS if product in names)
