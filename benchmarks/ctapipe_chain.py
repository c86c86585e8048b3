"""ctapipe's own chain from simulated files to predictions, as measured steps.

The configuration is the one that ctapipe ships and ``ctapipe-quickstart`` writes, unchanged: its
training files make ExtraTrees models, whose energies the particle and disp models read. (Only the
shipped configuration of cuts and IRFs asks for classes of other names; it is not used here.)

With `FOREST` the same tools train random forests of 50 deep trees on the same rows, in one thread
and without cross-validation, so that little but the fit itself is timed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from measured_steps import MeasuredSteps

TASKS = {
    "energy": "train_energy_regressor",
    "particle": "train_particle_classifier",
    "disp": "train_disp_reconstructor",
}
#: Steps that apply the shipped energy model to the training sets, for the other two models.
BETWEEN = ("ctapipe-apply-energy-train_gamma", "ctapipe-apply-energy-train_proton")
_QUIET = ("--overwrite", "--quiet", "--provenance-log", "ctapipe/provenance.log")
#: "Of equal quality": settings whose R2 in energy reached that of boosted trees.
_DEEP = {"n_estimators": 50, "max_depth": 30, "min_samples_leaf": 10}


@dataclass(frozen=True)
class Models:
    """One set of models of ctapipe's tools.

    Attributes
    ----------
    folder : str
        Where models and predictions are, in the work folder.
    configuration : str
        Folder of the training configuration.
    regressor, classifier : str
        Names that the predicted columns begin with.
    """

    folder: str
    configuration: str
    regressor: str
    classifier: str

    @property
    def training(self) -> list[str]:
        """Names of the training steps."""
        return [f"{self.folder}-{name.replace('_', '-')}" for name in TASKS.values()]

    @property
    def applying(self) -> list[str]:
        """Names of the steps that apply all models to the test sets."""
        return [f"{self.folder}-apply-models-{name}" for name in ("test_gamma", "test_proton")]


SHIPPED = Models("ctapipe", "shipped", "ExtraTreesRegressor", "ExtraTreesClassifier")
FOREST = Models("forest", "forest", "RandomForestRegressor", "RandomForestClassifier")


def process(steps: MeasuredSteps, name: str) -> None:
    """From a simtel file to image parameters and geometry."""
    (steps.folder / "ctapipe").mkdir(exist_ok=True)
    steps.run(
        "shipped",
        [_tool("ctapipe-quickstart"), "--workdir", "shipped", "--name", "n", "--email", "e",
         "--org", "o"],
    )  # fmt: skip
    steps.run(
        f"ctapipe-process-{name}",
        [_tool("ctapipe-process"), "--input", f"{name}.simtel.zst", "--output", _h5(name),
         "--config", "shipped/ml_preprocessing_config.yaml", *_QUIET],
        after=["shipped", f"simulate-{name}"],
    )  # fmt: skip


def train(steps: MeasuredSteps, models: Models = SHIPPED) -> None:
    """Train energy, particle type and disp."""
    if models is FOREST:
        _write_forest_configuration(steps.folder)
    sources = {
        "energy": ["--input", _h5("train_gamma")],
        "particle": ["--signal", _h5("train_gamma.energy"),
                     "--background", _h5("train_proton.energy")],
        "disp": ["--input", _h5("train_gamma.energy")],
    }  # fmt: skip
    for (task, name), step in zip(TASKS.items(), models.training, strict=True):
        steps.run(
            step,
            [_tool(f"ctapipe-{name.replace('_', '-')}"), *sources[task],
             "--output", f"{models.folder}/{task}.pkl",
             "--config", f"{models.configuration}/{name}.yaml", *_QUIET],
            after=["ctapipe-process-train_gamma"] if task == "energy" else BETWEEN,
        )  # fmt: skip
        if task == "energy" and models is SHIPPED:
            for sample, between in zip(("train_gamma", "train_proton"), BETWEEN, strict=True):
                _apply(steps, between, sample, _h5(f"{sample}.energy"), ["ctapipe/energy"],
                       after=[f"ctapipe-process-{sample}", step])  # fmt: skip


def apply(steps: MeasuredSteps, models: Models = SHIPPED) -> None:
    """Apply all models to the test sets."""
    chosen = [f"{models.folder}/{task}" for task in TASKS]
    if models is FOREST:  # its particle and disp models read the shipped model's energies
        chosen.insert(0, "ctapipe/energy")
    for name, step in zip(("test_gamma", "test_proton"), models.applying, strict=True):
        _apply(steps, step, name, f"{models.folder}/{name}.dl2.h5", chosen,
               after=[f"ctapipe-process-{name}", *models.training])  # fmt: skip


def read(folder: Path, name: str, models: Models = SHIPPED) -> pl.DataFrame:
    """Events of a test set with truth and predictions; NaN where ctapipe has none.

    Returns
    -------
    DataFrame
        obs_id, event_id, true_energy, energy (TeV), true_alt, true_az, disp_alt, disp_az,
        hillas_alt, hillas_az (deg), score.
    """
    import numpy as np
    import polars as pl
    from ctapipe.io import TableLoader  # type: ignore[import-untyped]

    with TableLoader(folder / models.folder / f"{name}.dl2.h5") as loader:
        events = loader.read_subarray_events(dl2=True, simulated=True)
    columns = {
        **{column: column for column in ("true_energy", "true_alt", "true_az")},
        "energy": f"{models.regressor}_energy",
        "score": f"{models.classifier}_prediction",
        **{f"disp_{axis}": f"disp_{axis}" for axis in ("alt", "az")},
        **{f"hillas_{axis}": f"HillasReconstructor_{axis}" for axis in ("alt", "az")},
    }
    return pl.DataFrame(
        {
            "obs_id": np.asarray(events["obs_id"]).astype(np.int32),
            "event_id": np.asarray(events["event_id"]).astype(np.int64),
            **{name: np.asarray(events[c]).astype(np.float64) for name, c in columns.items()},
        }
    )


def _apply(
    steps: MeasuredSteps, step: str, source: str, result: str, models: Sequence[str], *,
    after: Sequence[str],
) -> None:  # fmt: skip
    chosen = [word for model in models for word in ("--reconstructor", f"{model}.pkl")]
    steps.run(
        step,
        [_tool("ctapipe-apply-models"), "--input", _h5(source), "--output", result, *chosen,
         *_QUIET],
        after=after,
    )  # fmt: skip


def _write_forest_configuration(folder: Path) -> None:
    """The shipped training configuration with other trees, one thread, no cross-validation."""
    import yaml

    (folder / FOREST.folder).mkdir(exist_ok=True)
    for task, name in TASKS.items():
        text = (folder / SHIPPED.configuration / f"{name}.yaml").read_text()
        content: dict[str, Any] = yaml.safe_load(text)
        (tool,) = content.values()
        tool["CrossValidator"]["n_cross_validations"] = 0
        (model,) = (value for key, value in tool.items() if key.endswith(_COMPONENTS))
        model["n_jobs"] = 1
        if task == "disp":
            model |= {"norm_cls": FOREST.regressor, "norm_config": _DEEP,
                      "sign_cls": FOREST.classifier, "sign_config": _DEEP}  # fmt: skip
        else:
            model["model_cls"] = FOREST.regressor if task == "energy" else FOREST.classifier
            model["model_config"] = _DEEP
        (folder / FOREST.configuration / f"{name}.yaml").write_text(yaml.safe_dump(content))


_COMPONENTS = ("EnergyRegressor", "ParticleClassifier", "DispReconstructor")


def _tool(name: str) -> str:
    """Path of a command installed beside this Python."""
    return shutil.which(name, path=Path(sys.executable).parent) or name


def _h5(name: str) -> str:
    return f"ctapipe/{name}.h5"
