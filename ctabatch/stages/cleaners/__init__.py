"""Cleaners: from images to masks of the pixels that belong to the shower, one class per file.

Names, options and their defaults are those of ctapipe's classes.
"""

from .fact import FACTImageCleaner
from .mars import MARSImageCleaner
from .nsb import NSBImageCleaner
from .tailcuts import TailcutsImageCleaner
from .thresholds import ImageCleaner
from .time_constrained import TimeConstrainedImageCleaner

#: All cleaners by name.
CLEANERS: dict[str, type[ImageCleaner]] = {
    "TailcutsImageCleaner": TailcutsImageCleaner,
    "MARSImageCleaner": MARSImageCleaner,
    "FACTImageCleaner": FACTImageCleaner,
    "TimeConstrainedImageCleaner": TimeConstrainedImageCleaner,
    "NSBImageCleaner": NSBImageCleaner,
}

__all__ = [
    "CLEANERS",
    "FACTImageCleaner",
    "ImageCleaner",
    "MARSImageCleaner",
    "NSBImageCleaner",
    "TailcutsImageCleaner",
    "TimeConstrainedImageCleaner",
]
