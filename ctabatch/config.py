"""Strict models of every option, and the digest that says whether two runs had the same ones."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ctabatch.errors import OptionError
from ctabatch.stages.clean import TailcutsOptions
from ctabatch.stages.dl1 import Dl1Options
from ctabatch.stages.extract import ExtractionOptions

#: What `process` can write besides the event tables, in the order of processing.
Product = Literal["r0", "r1", "images", "parameters"]
PRODUCTS: tuple[Product, ...] = ("r0", "r1", "images", "parameters")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceConfig(_Strict):
    """What is read from the input."""

    focal_length: Literal["effective", "equivalent"] = "effective"
    allowed_tels: tuple[int, ...] | None = None
    max_events: int | None = Field(default=None, ge=1)


class ExtractionConfig(_Strict):
    """Gain selection and charge extraction."""

    gain_threshold: int = Field(default=4000, ge=0)
    window_width: int = Field(default=7, ge=1)
    window_shift: int = Field(default=3, ge=0)


class CleaningConfig(_Strict):
    """Two-threshold cleaning."""

    picture_threshold_pe: float = 10.0
    boundary_threshold_pe: float = 5.0
    min_picture_neighbors: int = Field(default=2, ge=0)
    keep_isolated_pixels: bool = False


class ProcessConfig(_Strict):
    """All options of ``ctabatch process``."""

    source: SourceConfig = SourceConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    cleaning: CleaningConfig = CleaningConfig()
    write: tuple[Product, ...] = ("images", "parameters")

    def digest(self) -> str:
        """Short name of this configuration, equal for equal options."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def dl1_options(self) -> Dl1Options:
        """Options of the DL1 stage."""
        return Dl1Options(
            extraction=ExtractionOptions(**self.extraction.model_dump()),
            cleaning=TailcutsOptions(**self.cleaning.model_dump()),
        )


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
