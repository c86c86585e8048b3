"""Tables shower, run and shower_distribution: what was simulated."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema
from .keys import OBS_ID, SUBARRAY_KEYS

VERSION = 1
#: 2: the array pointing in double precision, from which that of the input can be had again.
RUN_VERSION = 2

SHOWER = table_schema(
    "shower",
    VERSION,
    [
        *SUBARRAY_KEYS,
        column("true_energy", pa.float64(), "Energy of the primary particle", unit="TeV",
               source="EventIO 2020"),
        column("true_alt", pa.float64(), "Altitude of the primary's direction", unit="deg",
               source="EventIO 2020"),
        column("true_az", pa.float64(), "Azimuth of the primary's direction", unit="deg",
               source="EventIO 2020"),
        column("true_core_x", pa.float64(), "Core position, north", unit="m",
               source="EventIO 2021"),
        column("true_core_y", pa.float64(), "Core position, west", unit="m", source="EventIO 2021"),
        column("true_h_first_int", pa.float64(), "Height of the first interaction", unit="m",
               source="EventIO 2020"),
        column("true_x_max", pa.float64(), "Atmospheric depth of the shower maximum",
               unit="g.cm**-2", source="EventIO 2020"),
        column("true_starting_grammage", pa.float64(), "Atmospheric depth where the primary starts",
               unit="g.cm**-2", source="EventIO 2020"),
        column("true_shower_primary_id", pa.int32(),
               "Primary: 0 gamma, 1 electron, 2 muon, 100 A + Z nuclei (101 proton)",
               source="EventIO 2020"),
        column("shower_id", pa.int32(), "Number of the shower, shared by all its uses",
               source="EventIO 2020 id"),
    ],
)  # fmt: skip

#: Columns of the run table that are words of the MC run header: name, type, unit, description.
_SIMULATION = [
    ("run_number", pa.int32(), "", "Run number"),
    ("corsika_version", pa.int64(), "", "CORSIKA version x 1000"),
    ("simtel_version", pa.int64(), "", "sim_telarray version"),
    ("energy_range_min", pa.float32(), "TeV", "Lowest simulated energy"),
    ("energy_range_max", pa.float32(), "TeV", "Highest simulated energy"),
    ("prod_site_B_total", pa.float64(), "uT", "Geomagnetic field"),
    ("prod_site_B_declination", pa.float64(), "rad", "Declination of the geomagnetic field"),
    ("prod_site_B_inclination", pa.float64(), "rad", "Inclination of the geomagnetic field"),
    ("prod_site_alt", pa.float64(), "m", "Height of the observation level"),
    ("spectral_index", pa.float64(), "", "Index of the simulated power law"),
    ("shower_prog_start", pa.int64(), "", "Unix time when CORSIKA started"),
    ("shower_prog_id", pa.int64(), "", "Shower simulation program (1 CORSIKA)"),
    ("detector_prog_start", pa.int64(), "", "Unix time when sim_telarray started"),
    ("detector_prog_id", pa.int64(), "", "Detector simulation program (1 sim_telarray)"),
    ("n_showers", pa.int64(), "", "Showers simulated"),
    ("shower_reuse", pa.int64(), "", "Uses of each shower"),
    ("max_alt", pa.float32(), "rad", "Highest simulated altitude"),
    ("min_alt", pa.float32(), "rad", "Lowest simulated altitude"),
    ("max_az", pa.float32(), "rad", "Highest simulated azimuth"),
    ("min_az", pa.float32(), "rad", "Lowest simulated azimuth"),
    ("diffuse", pa.int64(), "", "1 if directions fill a view cone"),
    ("max_viewcone_radius", pa.float32(), "deg", "Outer radius of the view cone"),
    ("min_viewcone_radius", pa.float32(), "deg", "Inner radius of the view cone"),
    ("max_scatter_range", pa.float32(), "m", "Largest core distance"),
    ("min_scatter_range", pa.float32(), "m", "Smallest core distance"),
    ("core_pos_mode", pa.int64(), "", "How cores are scattered (1 circle, 2 rectangle)"),
    ("atmosphere", pa.int64(), "", "Number of the atmospheric profile"),
    ("corsika_iact_options", pa.int64(), "", "Options of the IACT extension"),
    ("corsika_low_E_model", pa.int64(), "", "Hadronic model at low energies"),
    ("corsika_high_E_model", pa.int64(), "", "Hadronic model at high energies"),
    ("corsika_bunchsize", pa.float64(), "", "Photons per bunch"),
    ("corsika_wlen_min", pa.float64(), "nm", "Shortest wavelength"),
    ("corsika_wlen_max", pa.float64(), "nm", "Longest wavelength"),
    ("corsika_low_E_detail", pa.int64(), "", "Version of the low-energy model"),
    ("corsika_high_E_detail", pa.int64(), "", "Version of the high-energy model"),
]  # fmt: skip

RUN = table_schema(
    "run",
    RUN_VERSION,
    [
        OBS_ID,
        column("subarray_id", pa.string(), "Array in the subarray tables"),
        column("header_index", pa.int32(),
               "Place among the MC run headers of a merged file; the last one is in force"),
        column("is_last_header", pa.bool_(), "Whether this is the header in force"),
        column("start_time", pa.timestamp("s", tz="UTC"), "Start of the run",
               source="EventIO 2000"),
        column("subarray_pointing_lat", pa.float64(), "Altitude of the array pointing; null if the "
               "run tracks a sky position", unit="deg", nullable=True, source="EventIO 2000"),
        column("subarray_pointing_lon", pa.float64(), "Azimuth of the array pointing; null if the "
               "run tracks a sky position", unit="deg", nullable=True, source="EventIO 2000"),
        *(
            column(name, dtype, text, unit=unit, nullable=True, source="EventIO 2001")
            for name, dtype, unit, text in _SIMULATION
        ),
    ],
)  # fmt: skip

SHOWER_DISTRIBUTION = table_schema(
    "shower_distribution",
    VERSION,
    [
        OBS_ID,
        column("hist_id", pa.int64(), "Number of the histogram in the file"),
        column("n_entries", pa.int64(), "Simulated shower uses"),
        column("bins_energy", pa.list_(pa.float64()), "Edges of the energy bins", unit="TeV"),
        column("bins_core_dist", pa.list_(pa.float64()), "Edges of the core distance bins",
               unit="m"),
        column("histogram", pa.list_(pa.list_(pa.float64())),
               "Shower uses by energy (rows) and core distance", source="EventIO 100, histogram 6"),
    ],
)  # fmt: skip
