"""All options of ``ctabatch process``, and the digest that says whether two runs had the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator

from ctabatch.errors import OptionError
from ctabatch.stages.dl1 import Dl1Options
from ctabatch.stages.extract import ExtractionOptions

from .files import parsed
from .sections import ComponentSection
from .strict import Strict, merged, validated

#: What `process` can write besides the event tables, in the order of processing.
Product = Literal["r0", "r1", "images", "parameters", "geometry"]
PRODUCTS: tuple[Product, ...] = ("r0", "r1", "images", "parameters", "geometry")

Reconstructor = Literal["HillasReconstructor", "HillasIntersection"]
#: A value for all telescopes, or telescope type or id -> value.
ByTelescope = dict[str, str]


class SourceConfig(Strict):
    """What is read from the input."""

    focal_length: Literal["effective", "equivalent"] = Field(
        default="effective",
        description="Which focal length turns positions in the camera into angles",
    )
    allowed_tels: tuple[int, ...] | None = Field(
        default=None, description="Telescope ids that are read; all if null"
    )
    max_events: int | None = Field(
        default=None, ge=1, description="Stop after so many array events of each file"
    )
    level: Literal["r0", "r1", "images"] | None = Field(
        default=None,
        description="Level of the parts of a dataset that processing starts from: r0, r1 or "
        "images; the lowest there is if null",
    )


class ExtractionConfig(ComponentSection):
    """Gain selection and charge extraction."""

    KIND: ClassVar[str] = "extractor"
    SECTION: ClassVar[str] = "extraction"

    extractor: str | ByTelescope = Field(
        default="NeighborPeakWindowSum", description="How charges are extracted"
    )
    gain_threshold: int | dict[str, int] = Field(
        default=4000,
        description="Highest raw high-gain sample for which the high gain is used, ADC counts",
    )

    @field_validator("gain_threshold")
    @classmethod
    def _not_negative(cls, value: int | dict[str, int]) -> int | dict[str, int]:
        if min(value.values() if isinstance(value, dict) else [value], default=0) < 0:
            raise ValueError("Input should be greater than or equal to 0")
        return value


class CleaningConfig(ComponentSection):
    """Which pixels belong to the shower."""

    KIND: ClassVar[str] = "cleaner"
    SECTION: ClassVar[str] = "cleaning"

    cleaner: str | ByTelescope = Field(
        default="TailcutsImageCleaner", description="How images are cleaned"
    )


class StereoConfig(Strict):
    """Geometry of showers from the images of several telescopes."""

    quality: dict[str, str] = Field(
        default={
            "enough_charge": "hillas_intensity > 50",
            "positive_width": "hillas_width > 0",
            "enough_pixels": "morphology_n_pixels > 3",
        },
        description="Name: SQL expression over the columns of dl1/parameters; images that fail one "
        "are not used",
    )
    reconstructors: tuple[Reconstructor, ...] = Field(
        default=("HillasReconstructor",),
        description="HillasReconstructor, HillasIntersection, or both",
    )
    weighting: Literal["Konrad", "hess"] = Field(
        default="Konrad", description="Weights of the pairs of images in HillasIntersection"
    )


class ProcessConfig(Strict):
    """All options of ``ctabatch process``."""

    source: SourceConfig = SourceConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    cleaning: CleaningConfig = CleaningConfig()
    stereo: StereoConfig = StereoConfig()
    unused_patterns: Literal["error", "ignore"] = Field(
        default="error",
        description="What to do if a pattern or id fits no telescope of an input: error or ignore",
    )
    write: tuple[Product, ...] = Field(
        default=("images", "parameters", "geometry"),
        description=f"What is written besides the event tables: {', '.join(PRODUCTS)}",
    )

    @classmethod
    def from_text(cls, text: str, where: str, **options: Any) -> Self:
        """Configuration of a YAML text, or a TOML text if `where` ends in ``.toml``.

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
            The text is no mapping, or a key or value is not valid.
        """
        return validated(cls, merged(parsed(text, where), options), where)

    def digest(self) -> str:
        """Short name of this configuration, equal for equal options."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def dl1_options(self, tel_type: str = "", tel_id: int = -1) -> Dl1Options:
        """Options of the DL1 stage for one telescope."""
        from .patterns import value_for

        threshold = value_for(self.extraction.gain_threshold, tel_type, tel_id, 4000)
        return Dl1Options(
            extraction=ExtractionOptions(
                self.extraction.component_for(tel_type, tel_id), threshold
            ),
            cleaner=self.cleaning.component_for(tel_type, tel_id),
        )

    def check_telescopes(self, telescopes: Mapping[int, str]) -> None:
        """Refuse patterns that fit none of the telescopes.

        Parameters
        ----------
        telescopes : mapping
            Telescope id -> telescope type.

        Raises
        ------
        OptionError
            It lists the types that there are.
        """
        if self.unused_patterns == "ignore":
            return
        for section in self._component_sections:
            section.check_telescopes(telescopes)

    @cached_property
    def _component_sections(self) -> list[ComponentSection]:
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value for value in values if isinstance(value, ComponentSection)]


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


__all__ = ["PRODUCTS", "ProcessConfig", "Product", "StereoConfig", "products"]
