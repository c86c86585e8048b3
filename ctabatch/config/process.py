"""All options of ``ctabatch process``, and the digest that says whether two runs had the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from ctabatch.errors import OptionError
from ctabatch.stages.dl1 import Dl1Options
from ctabatch.stages.extract import ExtractionOptions
from ctabatch.stages.parametrise import Frame
from ctabatch.stages.software_trigger import SoftwareTrigger
from ctabatch.stages.waveforms import WaveformOptions

from .files import parsed
from .frames import check_frame
from .patterns import check_keys, n_letters
from .sections import ComponentSection
from .strict import Strict, validated

#: What `process` can write besides the event tables, in the order of processing.
Product = Literal["r0", "r1", "r1_gains", "dl0", "images", "parameters", "muons", "geometry"]
PRODUCTS: tuple[Product, ...] = get_args(Product)

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
    level: Literal["r0", "r1", "dl0", "images"] | None = Field(
        default=None,
        description="Level of the parts of a dataset that processing starts from: r0, r1, dl0 or "
        "images; the lowest there is if null",
    )


class TriggerConfig(Strict):
    """Which telescopes and array events are kept, after the trigger of the simulation."""

    min_telescopes: int = Field(
        default=1, ge=1, description="Triggered telescopes that an array event needs"
    )
    min_telescopes_of_type: dict[str, int] = Field(
        default={},
        description="Pattern of telescope types: telescopes of each such type that an event needs, "
        "or those of the type are removed; the most special pattern that fits counts",
    )

    @field_validator("min_telescopes_of_type")
    @classmethod
    def _not_negative(cls, value: dict[str, int]) -> dict[str, int]:
        if min(value.values(), default=0) < 0:
            raise ValueError("Input should be greater than or equal to 0")
        return value

    @property
    def has_effect(self) -> bool:
        """Whether anything can be removed."""
        return self.min_telescopes > 1 or bool(self.min_telescopes_of_type)

    def software_trigger(self) -> SoftwareTrigger:
        """The trigger; of its patterns the last that fits counts."""
        rising = sorted(self.min_telescopes_of_type.items(), key=lambda pair: n_letters(pair[0]))
        return SoftwareTrigger(self.min_telescopes, tuple(rising))


class GainSelectionConfig(ComponentSection):
    """Which gain channel of a pixel is used."""

    KIND: ClassVar[str] = "gain_selector"
    SECTION: ClassVar[str] = "gain_selection"

    gain_selector: str | ByTelescope = Field(
        default="ThresholdGainSelector", description="How the gain is selected"
    )


class PixelFlagsConfig(ComponentSection):
    """What is told of pixels besides their charge."""

    KIND: ClassVar[str] = "pixel_flags"
    SECTION: ClassVar[str] = "pixel_flags"


class TuningConfig(ComponentSection):
    """Simulations with more noise and a worse point spread; without effect by default."""

    KIND: ClassVar[str] = "modifier"
    SECTION: ClassVar[str] = "tuning"


class ExtractionConfig(ComponentSection):
    """How charges are extracted from waveforms."""

    KIND: ClassVar[str] = "extractor"
    SECTION: ClassVar[str] = "extraction"

    extractor: str | ByTelescope = Field(
        default="NeighborPeakWindowSum", description="How charges are extracted"
    )


class ReductionConfig(ComponentSection):
    """Which pixels keep their waveforms in the table dl0."""

    KIND: ClassVar[str] = "reducer"
    SECTION: ClassVar[str] = "reduction"

    reducer: str | ByTelescope = Field(
        default="NullDataVolumeReducer", description="How the pixels are selected"
    )


class CleaningConfig(ComponentSection):
    """Which pixels belong to the shower."""

    KIND: ClassVar[str] = "cleaner"
    SECTION: ClassVar[str] = "cleaning"

    cleaner: str | ByTelescope = Field(
        default="TailcutsImageCleaner", description="How images are cleaned"
    )


class MuonConfig(ComponentSection):
    """Rings of muons in the images, and the optical efficiency that follows."""

    KIND: ClassVar[str] = "muon_analysis"
    SECTION: ClassVar[str] = "muons"


class ParametersConfig(Strict):
    """Which images are parametrised, and in which frame."""

    frame: Frame = Field(
        default="telescope",
        description="Frame of ellipses and time gradients, degrees or metres (camera_frame_*, "
        "which alone give no geometry of showers)",
    )
    quality: dict[str, str] = Field(
        default={},
        description="Name: SQL expression over the columns of dl1/parameters; the parameters of "
        "images that fail one are left out",
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
    trigger: TriggerConfig = TriggerConfig()
    gain_selection: GainSelectionConfig = GainSelectionConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    reduction: ReductionConfig = ReductionConfig()
    tuning: TuningConfig = TuningConfig()
    pixel_flags: PixelFlagsConfig = PixelFlagsConfig()
    cleaning: CleaningConfig = CleaningConfig()
    muons: MuonConfig = MuonConfig()
    parameters: ParametersConfig = ParametersConfig()
    stereo: StereoConfig = StereoConfig()
    unused_patterns: Literal["error", "ignore"] = Field(
        default="error",
        description="What to do if a pattern or id fits no telescope of an input: error or ignore",
    )
    write: tuple[Product, ...] = Field(
        default=("images", "parameters", "geometry"),
        description=f"What is written besides the event tables: {', '.join(PRODUCTS)}",
    )

    @model_validator(mode="after")
    def _frame_has_what_is_read(self) -> Self:
        criteria = {"parameters.quality": self.parameters.quality}
        if "geometry" in self.write:
            criteria["stereo.quality"] = self.stereo.quality
        check_frame(self.parameters.frame, criteria, self.write)
        return self

    @classmethod
    def from_text(cls, text: str, where: str) -> Self:
        """Configuration of a YAML text, or a TOML text if `where` ends in ``.toml``.

        Parameters
        ----------
        text : str
        where : str
            Its file, for messages.

        Raises
        ------
        OptionError
            The text is no mapping, or a key or value is not valid.
        """
        return validated(cls, parsed(text, where), where)

    def digest(self) -> str:
        """Short name of this configuration, equal for equal options."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def dl1_options(self, tel_type: str = "", tel_id: int = -1) -> Dl1Options:
        """Options of the DL1 stage for one telescope."""
        key = tel_type, tel_id
        return Dl1Options(
            extraction=ExtractionOptions(
                self.extraction.component_for(*key),
                self.gain_selection.component_for(*key).gain_threshold,
            ),
            waveforms=WaveformOptions(
                self.tuning.component_named("WaveformModifier", *key),
                self.reduction.component_for(*key),
            ),
            image_modifier=self.tuning.component_named("ImageModifier", *key),
            saturation=self.pixel_flags.component_named("SaturationFlags", *key),
            cleaner=self.cleaning.component_for(*key),
            muons=self.muons.component_named("MuonOptions", *key),
            frame=self.parameters.frame,
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
        patterns = self.trigger.min_telescopes_of_type
        check_keys("trigger.min_telescopes_of_type", patterns, telescopes)

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
