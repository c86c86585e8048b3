"""`ctabatch.Dataset`: the tables of a dataset as polars LazyFrames."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ctabatch.errors import InputError, OptionError
from ctabatch.io.dataset_folder import DatasetFolder

KEYS = ["obs_id", "event_id"]


class Dataset:
    """Reads the committed parts of a dataset.

    Every method returns a lazy query: columns and rows that are not asked for are not read.

    Parameters
    ----------
    root : path
        Folder written by ``ctabatch process``.

    Raises
    ------
    InputError
        The folder holds no dataset.
    """

    def __init__(self, root: str | Path) -> None:
        self._folder = DatasetFolder(root)
        self._folder.check()
        self._files: dict[str, list[Path]] = {}
        for record in self._folder.records():
            for name in record["tables"]:
                self._files.setdefault(name.rpartition("/")[0], []).append(self._folder.root / name)

    @property
    def parts(self) -> list[str]:
        """Names of the committed parts."""
        return self._folder.parts()

    @property
    def tables(self) -> list[str]:
        """Names of the tables, with one entry per telescope type."""
        return sorted(self._files)

    @property
    def tel_types(self) -> list[str]:
        """Telescope types with DL1 data."""
        names = {name.partition("tel_type=")[2] for name in self._files if "tel_type=" in name}
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
        files = sorted((self._folder.root / "subarray" / table).glob("[!.]*.parquet"))
        if not files:
            raise OptionError.unknown_name(
                "subarray table", table, ("telescopes", "cameras", "pixels", "optics", "readout")
            )
        return pl.scan_parquet(files)

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
        """Waveforms of one telescope type at level r0 or r1."""
        if level not in ("r0", "r1"):
            raise OptionError.unknown_name("level", level, ("r0", "r1"))
        return self._telescope_table(level, tel_type)

    def _telescope_table(self, table: str, tel_type: str | None) -> pl.LazyFrame:
        prefix = f"{table}/tel_type="
        types = {name.removeprefix(prefix): files for name, files in self._files.items()
                 if name.startswith(prefix)}  # fmt: skip
        if tel_type is not None and tel_type not in types:
            raise OptionError.unknown_name("telescope type", tel_type, types)
        chosen = types if tel_type is None else {tel_type: types[tel_type]}
        if not chosen:
            raise InputError(f"{self._folder.root}: this dataset has no table {table}")
        frames = [
            pl.scan_parquet(files, hive_partitioning=False).with_columns(tel_type=pl.lit(name))
            for name, files in sorted(chosen.items())
        ]
        return pl.concat(frames)

    def _scan(self, table: str) -> pl.LazyFrame:
        if table not in self._files:
            raise InputError(f"{self._folder.root}: this dataset has no table {table}")
        return pl.scan_parquet(self._files[table], hive_partitioning=False)
