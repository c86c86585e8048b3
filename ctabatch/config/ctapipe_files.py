"""Configuration files of ctapipe's stage 1, translated.

What is known is taken over under our names; everything else is listed, so that nobody believes it
to be in effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .ctapipe_criteria import criteria
from .registry import names

_SOURCES = ("EventSource", "SimTelEventSource")
#: Kind of component -> section.
_SECTIONS = {
    "extractor": "extraction",
    "cleaner": "cleaning",
    "gain_selector": "gain_selection",
    "modifier": "tuning",
}
#: Our option -> ctapipe's name, where they differ.
_WRITE = {
    "write_r1_waveforms": "r1",
    "write_dl1_images": "images",
    "write_dl1_parameters": "parameters",
    "write_dl2": "geometry",
    "write_muon_parameters": "muons",
}


def from_ctapipe(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Translate a configuration.

    Parameters
    ----------
    content : mapping
        What the file holds: class -> options, classes may stand within others.

    Returns
    -------
    dict
        Sections for `ProcessConfig`.
    list of str
        Options that could not be translated, with their value, and why if there is something to
        say.
    """
    return _Translation(content).result()


class _Translation:
    def __init__(self, content: Mapping[str, Any]) -> None:
        self._found: dict[str, Any] = {}
        self._left: list[str] = []
        self._write: set[str] = set()
        self._adds_noise = False
        frames = {path[-2:]: value for path, value in _options(content)}
        self._in_camera = frames.get(("ImageProcessor", "use_telescope_frame")) is False
        for path, value in _options(content):
            problem = self._take(path, value)
            if problem is not None:
                self._left.append(f"{'.'.join(path)}: {value!r}{problem and ': '}{problem}")

    def result(self) -> tuple[dict[str, Any], list[str]]:
        if self._write:
            order = ("r1", "images", "parameters", "geometry", "muons")
            self._found["write"] = [name for name in order if name in self._write]
        if self._in_camera:  # the geometry, which is written by default, needs both
            with_geometry = "geometry" in self._found.get("write", ("geometry",))
            self._section("parameters")["frame"] = "both" if with_geometry else "camera"
        self._drop_unused_noise()
        if any(_has_patterns(block) for block in self._found.values()):
            self._found["unused_patterns"] = "ignore"  # as ctapipe does, with a warning
        return self._found, self._left

    def _take(self, path: tuple[str, ...], value: Any) -> str | None:
        """Use one option; None if that worked, else why not (or nothing more to say)."""
        owner, option = (path[-2] if len(path) > 1 else ""), path[-1]
        if owner in _SOURCES:
            return self._source(option, value)
        if owner == "DataWriter":
            return self._writer(option, value)
        if option == "quality_criteria":
            return self._quality(path, value)
        known: dict[tuple[str, str], Callable[[Any], str | None]] = {
            ("CameraCalibrator", "image_extractor_type"): self._choice("extraction", "extractor"),
            ("ImageProcessor", "image_cleaner_type"): self._choice("cleaning", "cleaner"),
            ("ImageProcessor", "use_telescope_frame"): self._frame,
            ("ShowerProcessor", "reconstructor_types"): self._reconstructors,
            ("HillasIntersection", "weighting"): self._weighting,
            ("CameraCalibrator", "gain_selector_type"): self._choice(
                "gain_selection", "gain_selector"
            ),
        }
        if (owner, option) in known:
            return known[owner, option](value)
        if (owner, option) == ("ProcessorTool", "add_nsb_in_waveforms"):
            self._adds_noise = bool(value)
            return None
        if (owner, option) == ("WaveformModifier", "n_noise_realizations"):
            return "every event gets a sum of its own"
        if owner == "SoftwareTrigger":
            return self._trigger(option, value)
        for kind, section in _SECTIONS.items():
            if owner in names(kind):
                translated = by_telescope(value)
                self._section(section).setdefault(owner, {})[option] = translated
                return None
        return ""

    def _drop_unused_noise(self) -> None:
        """Leave out the file of noise unless it is to be added: there, that is another option."""
        tuning = self._found.get("tuning", {})
        file = tuning.get("WaveformModifier", {}).get("nsb_file")
        if file is not None and not self._adds_noise:
            del tuning["WaveformModifier"]["nsb_file"]
            why = "ProcessorTool.add_nsb_in_waveforms is not set"
            self._left.append(f"WaveformModifier.nsb_file: {file!r}: {why}")

    def _section(self, name: str) -> dict[str, Any]:
        section: dict[str, Any] = self._found.setdefault(name, {})
        return section

    def _source(self, option: str, value: Any) -> str | None:
        if option == "focal_length_choice":
            self._section("source")["focal_length"] = str(value).rpartition(".")[2].lower()
        elif option in ("allowed_tels", "max_events"):
            self._section("source")[option] = value
        else:
            return ""
        return None

    def _writer(self, option: str, value: Any) -> str | None:
        if option in _WRITE:
            if value:
                self._write.add(_WRITE[option])
            return None
        if option in ("write_r0_waveforms", "overwrite") and not value:
            return None
        return ""

    def _choice(self, section: str, kind: str) -> Callable[[Any], str | None]:
        def take(value: Any) -> str | None:
            translated = by_telescope(value)
            chosen = translated.values() if isinstance(translated, dict) else [translated]
            unknown = sorted({str(name) for name in chosen} - set(names(kind)))
            if unknown:
                return f"there is no {kind} {', '.join(unknown)}"
            self._section(section)[kind] = translated
            return None

        return take

    def _frame(self, value: Any) -> str | None:
        return None if isinstance(value, bool) else "this is neither true nor false"

    def _reconstructors(self, value: Any) -> str | None:
        known = [name for name in value if name in ("HillasReconstructor", "HillasIntersection")]
        if known:
            self._section("stereo")["reconstructors"] = known
        others = [name for name in value if name not in known]
        return f"{', '.join(others)}: not made by process" if others else None

    def _weighting(self, value: Any) -> str | None:
        self._section("stereo")["weighting"] = value
        return None

    def _trigger(self, option: str, value: Any) -> str | None:
        translated = by_telescope(value)
        if option == "min_telescopes":
            self._section("trigger")[option] = translated
        elif option == "min_telescopes_of_type":
            whole = translated if isinstance(translated, dict) else {"*": translated}
            self._section("trigger")[option] = {k: v for k, v in whole.items() if v}
        else:
            return ""
        return None

    def _quality(self, path: tuple[str, ...], value: Any) -> str | None:
        sections = {"StereoQualityQuery": "stereo", "ImageQualityQuery": "parameters"}
        section = next((own for name, own in sections.items() if name in path), None)
        if section is None:
            return "criteria of this query are not known"
        found, left = criteria(value, in_camera=self._in_camera)
        self._section(section)["quality"] = found
        return f"not translated: {'; '.join(left)}" if left else None


def _options(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """All options of all classes, with the classes that they stand in."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _options(value, (*path, str(name)))
        else:
            yield (*path, str(name)), value


def _has_patterns(value: Any) -> bool:
    """Whether options of a component depend on the telescope."""
    own = value.values() if isinstance(value, dict) else ()
    return any(
        isinstance(option, dict)
        for block in own if isinstance(block, dict) for option in block.values()
    ) or any(isinstance(block, dict) and "*" in block for block in own)  # fmt: skip


def by_telescope(value: Any) -> Any:
    """A value by telescope as ctapipe writes it: ``[[type, "LST*", 8.5], [id, 25, 9]]``.

    There the last entry that fits counts, here the most special: entries that a later ``*`` hides
    are left out.
    """
    is_list = isinstance(value, list) and bool(value)
    if not is_list or not all(_is_entry(entry) for entry in value):
        return value
    found: dict[str, Any] = {}
    for command, argument, own in value:
        if command == "type" and argument == "*":
            found = {}
        found.pop(str(argument), None)
        found[str(argument)] = own
    return found["*"] if set(found) == {"*"} else found


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == 3 and entry[0] in ("type", "id")


__all__ = ["by_telescope", "from_ctapipe"]
