"""`ctabatch.Dataset`: the tables of a dataset as polars LazyFrames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_index import IndexedFiles, indexed_files
from ctabatch.io.location import Location
from ctabatch.io.parquet_bounds import bounded_file
from ctabatch.io.stored_subarrays import read_subarray
from ctabatch.io.stored_waveforms import raw_waveform
from ctabatch.raw_waveforms import raw_waveforms
from ctabatch.scan import scan_files
from ctabatch.table_ranges import scan_in_ranges

if TYPE_CHECKING:
    from ctabatch.instrument.subarray import SubarrayDescription

KEYS = ["obs_id", "event_id"]
#: The table of predictions is called so, followed by the prefix.
PREDICTIONS = "dl2/subarray/model="


class Dataset:
    """Reads the committed parts of a dataset.

    Every method returns a lazy query: columns and rows that are not asked for are not read.

    Parameters
    ----------
    root : path or URI
        Folder, or place in an object store (``s3://BUCKET/NAME``, ``gs://``), written by
        ``ctabatch process``.

    Raises
    ------
    InputError
        The folder holds no dataset.
    """

    def __init__(self, root: str | Location) -> None:
        self._folder = DatasetFolder(root)
        self._folder.check()
        self._files: Mapping[str, list[Location]] = (
            indexed_files(self._folder) or self._folder.tables()
        )

    @property
    def parts(self) -> list[str]:
        """Names of the committed parts."""
        return self._folder.parts()

    @property
    def root(self) -> Location:
        """The folder, or the place in an object store."""
        return self._folder.root

    def files(self, table: str) -> list[Location]:
        """Files of a table, sorted by part; none if there is no such table."""
        return list(self._files.get(table, ()))

    def prediction_records(self, prefix: str) -> list[dict[str, Any]]:
        """Commit records of the predictions of one prefix, sorted by part."""
        records = (self._folder.prediction_record(prefix, part) for part in self.parts)
        return [record for record in records if record is not None]

    @property
    def tables(self) -> list[str]:
        """Names of the tables, with one entry per telescope type."""
        return sorted(self._files)

    @property
    def tel_types(self) -> list[str]:
        """Telescope types with DL1 data."""
        names = {name.rpartition("tel_type=")[2] for name in self._files if "tel_type=" in name}
        return sorted(names)

    def trigger(self) -> pl.LazyFrame:
        """Array events: time, type, telescopes that triggered."""
        return self._scan("trigger")

    def telescope_trigger(self) -> pl.LazyFrame:
        """Telescope triggers: time, type, number of pixels."""
        return self._scan("telescope_trigger")

    def pointing(self) -> pl.LazyFrame:
        """Telescope pointing of every telescope event."""
        return self._scan("pointing")

    def shower(self) -> pl.LazyFrame:
        """Simulated showers of the array events."""
        return self._scan("shower")

    def run(self) -> pl.LazyFrame:
        """Simulation configuration of every run."""
        return self._scan("run")

    def shower_distribution(self) -> pl.LazyFrame:
        """Histograms of all simulated showers."""
        return self._scan("shower_distribution")

    def subarray(self, table: str = "telescopes") -> pl.LazyFrame:
        """Telescopes, cameras, pixels, optics or readout of all arrays in the dataset."""
        folder = self._folder.root / "subarray" / table
        files: list[Location] = [*folder.glob("[!.]*.parquet")]
        if not files:
            raise OptionError.unknown_name(
                "subarray table", table, ("telescopes", "cameras", "pixels", "optics", "readout")
            )
        return scan_files(sorted(files, key=str))

    def subarray_description(self, obs_id: int | None = None) -> SubarrayDescription:
        """The array of an observation: telescopes with their cameras, for plots and geometry.

        Parameters
        ----------
        obs_id : int, optional
            Not needed if all observations have the same array.

        Raises
        ------
        OptionError
            There is no such observation, or several arrays and no observation is named.
        """
        arrays = self._arrays()
        if obs_id is not None and obs_id not in arrays:
            raise OptionError.unknown_name("observation", str(obs_id), map(str, arrays))
        if obs_id is None and len(set(arrays.values())) != 1:
            raise OptionError(
                f"{self.root}: {len(set(arrays.values()))} arrays, name one of the observations "
                f"{', '.join(map(str, sorted(arrays)))}"
            )
        digest = arrays[obs_id] if obs_id is not None else next(iter(arrays.values()))
        return read_subarray(self.root, digest)

    def parameters(self, tel_type: str | None = None, *, truth: bool = False) -> pl.LazyFrame:
        """Image parameters of one or all telescope types.

        Parameters
        ----------
        tel_type : str, optional
            Column ``tel_type`` tells the type of each row.
        truth : bool
            Join the simulated shower of each event.
        """
        frame = self._telescope_table("dl1/parameters", tel_type)
        return frame.join(self.shower(), on=KEYS, how="left") if truth else frame

    def images(self, tel_type: str) -> pl.LazyFrame:
        """Images of one telescope type: all images of a type have the same shape."""
        return self._telescope_table("dl1/images", tel_type)

    def waveforms(self, tel_type: str, level: str = "r1") -> pl.LazyFrame:
        """Waveforms of one telescope type at level r0 or r1.

        Raw waveforms (r0) are decoded from the bytes of the input when they are collected. A filter
        on keys comes first; then each piece of the stream (16 MiB) that holds a wanted row is
        decompressed, tens of milliseconds, and the wanted rows are decoded.

        Raises
        ------
        InputError
            The dataset has none, or raw waveforms of this type differ in shape.
        """
        if level not in ("r0", "r1"):
            raise OptionError.unknown_name("level", level, ("r0", "r1"))
        frame = self._telescope_table(level, tel_type)
        if level == "r1":
            return frame
        return raw_waveforms(self._files[f"r0/tel_type={tel_type}"], tel_type)

    def raw_waveform(self, obs_id: int, event_id: int, tel_id: int) -> NDArray[Any]:
        """Raw waveform of one telescope event.

        Returns
        -------
        (n_gains, n_pixels, n_samples) uint16, or uint32 for sums

        Raises
        ------
        InputError
            The dataset holds no raw data of this telescope event.
        """
        for name, files in sorted(self._files.items()):
            if name.startswith("r0/tel_type="):
                for file in files:
                    found = raw_waveform(file, obs_id, event_id, tel_id)
                    if found is not None:
                        return found
        raise InputError(
            f"{self._folder.root}: no raw data of observation {obs_id}, event {event_id}, "
            f"telescope {tel_id}"
        )

    def _arrays(self) -> dict[int, str]:
        """Observation -> digest of its array; polars may panic where a file is damaged."""
        if "run" not in self._files:
            raise InputError(f"{self._folder.root}: this dataset has no table run")
        arrays: dict[int, str] = {}
        for path in self._files["run"]:
            with bounded_file(path) as file:
                rows = file.read(columns=["obs_id", "subarray_id"])
                columns = (rows.column(name).to_pylist() for name in ("obs_id", "subarray_id"))
                arrays.update(zip(*columns, strict=True))
        return arrays

    @property
    def prefixes(self) -> list[str]:
        """Names under which there are predictions of energy, gammaness and direction."""
        names = (name for name in self._files if name.startswith(PREDICTIONS))
        return sorted(name.removeprefix(PREDICTIONS) for name in names)

    def geometry(self) -> pl.LazyFrame:
        """Reconstructed shower geometry of the array events."""
        return self._scan("dl2/geometry")

    def impact(self, tel_type: str | None = None) -> pl.LazyFrame:
        """Distance of each telescope from the reconstructed shower axis."""
        return self._telescope_table("dl2/impact", tel_type)

    def predictions(self, prefix: str | None = None, *, truth: bool = False) -> pl.LazyFrame:
        """Predicted energy, gammaness and direction of the array events.

        Parameters
        ----------
        prefix : str, optional
            Which of several predictions; not needed if there is one.
        truth : bool
            Join the simulated shower of each event.

        Raises
        ------
        InputError
            There are no predictions.
        OptionError
            There are none of this prefix, or several and none is named.
        """
        frame = self._scan(f"{PREDICTIONS}{self._prefix(prefix)}")
        return frame.join(self.shower(), on=KEYS, how="left") if truth else frame

    def telescope_predictions(
        self, prefix: str | None = None, tel_type: str | None = None
    ) -> pl.LazyFrame:
        """Predictions of the single telescopes; for the arguments see `predictions`."""
        return self._telescope_table(f"dl2/telescope/model={self._prefix(prefix)}", tel_type)

    def _prefix(self, prefix: str | None) -> str:
        names = self.prefixes
        if not names:
            raise InputError(f"{self._folder.root}: no predictions; make them with ctabatch apply")
        if prefix is None and len(names) > 1:
            raise OptionError(f"several predictions, name one of: {', '.join(names)}")
        if prefix is not None and prefix not in names:
            raise OptionError.unknown_name("prefix of predictions", prefix, names)
        return names[0] if prefix is None else prefix

    def _telescope_table(self, table: str, tel_type: str | None) -> pl.LazyFrame:
        prefix = f"{table}/tel_type="
        types = [name.removeprefix(prefix) for name in self._files if name.startswith(prefix)]
        if tel_type is not None and tel_type not in types:
            raise OptionError.unknown_name("telescope type", tel_type, types)
        chosen = types if tel_type is None else [tel_type]
        if not chosen:
            raise InputError(f"{self._folder.root}: this dataset has no table {table}")
        frames = [
            self._lazy(f"{prefix}{name}").with_columns(tel_type=pl.lit(name))
            for name in sorted(chosen)
        ]
        return pl.concat(frames)

    def _scan(self, table: str) -> pl.LazyFrame:
        if table not in self._files:
            raise InputError(f"{self._folder.root}: this dataset has no table {table}")
        return self._lazy(table)

    def _lazy(self, table: str) -> pl.LazyFrame:
        """Rows of a table; files that a filter on keys leaves out by the index are not opened."""
        files = self._files[table]
        if isinstance(self._files, IndexedFiles) and len(files) > 1:  # of a folder on disk
            return scan_in_ranges(self._files.paths(table), self._files.ranges(table))
        return scan_files(files)
