"""Array events per second of the stereo stage, and of ctapipe's ShowerProcessor on the same events.

Showers are simulated, and ctapipe makes image parameters of the file once. From these parameters
both programs reconstruct the same events in this process, on one core: ctapipe event by event with
its ShowerProcessor (quality query, axis, impact distances), ours in one call (quality cuts,
grouping of the telescope types, axes, impact distances) on the events repeated many times. Medians
and their ratios are printed, and how far the results are apart.

    python benchmarks/geometry.py
    python benchmarks/geometry.py --showers 1000 --times 500 --rounds 7 --json result.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa

from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stages.stereo import (
    METHODS,
    Method,
    TelescopeRows,
    group_rows,
    impact_distances,
    reconstruct,
)

PARAMETERS = ("intensity", "fov_lon", "fov_lat", "psi", "length", "width")


def ctapipe_events(path: Path) -> tuple[Any, list[Any]]:
    """Subarray and events of a file with image parameters."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.image import ImageProcessor
    from ctapipe.io import EventSource

    with EventSource(path) as source:
        calibrate = CameraCalibrator(subarray=source.subarray)
        parametrise = ImageProcessor(subarray=source.subarray)
        events = []
        for event in source:
            calibrate(event)
            parametrise(event)
            events.append(event)
        return source.subarray, events


def columns_of(subarray: Any, events: list[Any]) -> dict[str, dict[str, np.ndarray]]:
    """Telescope type -> columns of its telescope events, as a dataset stores them."""
    columns: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    positions = subarray.tel_coords.cartesian.xyz.to_value("m").T.astype(float)
    for k, event in enumerate(events):
        for tel_id, dl1 in event.dl1.tel.items():
            telescope = subarray.tel[tel_id]
            own = columns[str(telescope)]
            hillas, pointing = dl1.parameters.hillas, event.monitoring.tel[tel_id].pointing
            for name in PARAMETERS:
                value = getattr(hillas, name)
                own[name].append(value.to_value("deg") if hasattr(value, "unit") else value)
            geometry = telescope.camera.geometry
            radius = geometry.guess_radius() / geometry.frame.focal_length
            own["radius"].append(np.degrees(radius.to_value("")))
            own["n_pixels"].append(dl1.parameters.morphology.n_pixels)
            own["event"].append(k)
            own["tel_id"].append(tel_id)
            own["position"].append(positions[subarray.tel_indices[tel_id]])
            own["pointing"].append([pointing.altitude.to_value("rad"),
                                    pointing.azimuth.to_value("rad")])  # fmt: skip
    return {
        name: {column: np.array(values) for column, values in own.items()}
        for name, own in columns.items()
    }


def repeated(own: dict[str, np.ndarray], n_events: int, times: int) -> dict[str, np.ndarray]:
    """The same columns for events that occur several times."""
    long = {name: np.concatenate([values] * times) for name, values in own.items()}
    n = len(own["event"])
    long["event"] = long["event"] + n_events * np.repeat(np.arange(times), n)
    return long


def ours(
    columns: dict[str, dict[str, np.ndarray]], facts: dict[str, np.ndarray], method: Method
) -> pa.RecordBatch:
    """All of ours: from columns of telescope events to rows of dl2/geometry and distances."""
    rows = [
        TelescopeRows(
            event=own["event"],
            tel_id=own["tel_id"],
            position=own["position"],
            pointing=own["pointing"],
            camera_radius=own["radius"],
            usable=(own["intensity"] > 50) & (own["width"] > 0) & (own["n_pixels"] > 3),
            parameters={f"hillas_{name}": own[name] for name in PARAMETERS},
        )
        for own in columns.values()
    ]
    events, _ = group_rows(
        facts["obs_id"], facts["event_id"], facts["pointing"], facts["height"], rows
    )
    geometry = reconstruct(events, method)
    impact_distances(events, geometry, method)
    return geometry


def seconds(run: Callable[[], Any], rounds: int) -> float:
    """Median CPU seconds of a call, after one that is not counted."""
    taken = []
    for _ in range(rounds + 1):
        begin = time.process_time()
        run()
        taken.append(time.process_time() - begin)
    return statistics.median(taken[1:])


def measure(
    subarray: Any, events: list[Any], method: Method, times: int, rounds: int
) -> dict[str, float]:
    """Rates of both, and the largest difference of the directions in deg."""
    from ctapipe.reco import ShowerProcessor

    processor = ShowerProcessor(subarray=subarray, reconstructor_types=[method])

    def theirs() -> None:
        for event in events:
            processor(event)

    columns, n = columns_of(subarray, events), len(events)
    pointing = events[0].monitoring.pointing
    angles = [pointing.array_altitude.to_value("rad"), pointing.array_azimuth.to_value("rad")]
    height = subarray.reference_location.geodetic.height.to_value("m")

    def facts(n_events: int) -> dict[str, np.ndarray]:
        return {
            "obs_id": np.ones(n_events, np.int32),
            "event_id": np.arange(n_events),
            "pointing": np.tile(np.array(angles, float), (n_events, 1)),
            "height": np.full(n_events, height),
        }

    many = {name: repeated(own, n, times) for name, own in columns.items()}
    many_facts = facts(n * times)
    their_rate = n / seconds(theirs, rounds)
    our_rate = n * times / seconds(lambda: ours(many, many_facts, method), rounds)
    geometry = ours(columns, facts(n), method)
    expected = [event.dl2.stereo.geometry[method] for event in events]
    valid = geometry.column(f"{method}_is_valid").to_numpy(zero_copy_only=False)
    if valid.tolist() != [bool(g.is_valid) for g in expected]:
        raise SystemExit(f"{method}: not the same events are valid")
    alt = np.array([g.alt.to_value("deg") for g in expected])
    return {
        "events": n,
        "valid": int(valid.sum()),
        "telescopes per event": sum(len(own["event"]) for own in columns.values()) / n,
        "ctapipe events/s": their_rate,
        "ctabatch events/s": our_rate,
        "ratio": our_rate / their_rate,
        "largest difference deg": float(
            np.nanmax(np.abs(alt - geometry.column(f"{method}_alt").to_numpy()))
        ),
    }


def main() -> None:
    """Make the events, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--showers", type=int, default=300, help="simulated gammas")
    parser.add_argument("--times", type=int, default=400, help="how often ours repeats the events")
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    options = SimulationOptions(
        primary="gamma", n_showers=args.showers, array=load_array("alpha-north"),
        max_core_distance=250.0, energy_range=(0.3, 20.0), source_offset=0.5, seed=3,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gammas.simtel.zst"
        simulate_file(options, path)
        subarray, events = ctapipe_events(path)
    results = {m: measure(subarray, events, m, args.times, args.rounds) for m in METHODS}
    first = results[METHODS[0]]
    print(f"{first['events']} events of {first['telescopes per event']:.1f} telescopes, "
          f"ours {args.times} times")  # fmt: skip
    print(f"{'median CPU time, one core':24} {'valid':>6} {'ctapipe 1/s':>12} {'ctabatch 1/s':>13} "
          f"{'ratio':>8} {'max |alt - alt|':>16}")  # fmt: skip
    for name, row in results.items():
        print(f"{name:24} {row['valid']:6d} {row['ctapipe events/s']:12.0f} "
              f"{row['ctabatch events/s']:13.0f} {row['ratio']:8.0f} "
              f"{row['largest difference deg']:12.1e} deg")  # fmt: skip
    if args.json is not None:
        packages = ("ctabatch", "ctapipe", "numba", "numpy", "pyarrow")
        machine = {"platform": platform.platform(), **{name: version(name) for name in packages}}
        args.json.write_text(json.dumps({"machine": machine, "methods": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
