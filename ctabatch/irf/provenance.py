"""Who made responses: from which events, with which options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctabatch.provenance.activity import Activity, Input
from ctabatch.provenance.of_folders import file_input, inputs_at
from ctabatch.provenance.software import software

if TYPE_CHECKING:
    from ctabatch.irf.make import Responses

IRF = "ctabatch irf"
LEVEL = "IRF"


def responses_activity(made: Responses) -> Activity:
    """The computation behind responses.

    Raises
    ------
    InputError
        An input is gone.
    """
    inputs: list[Input] = []
    for role, records in made.inputs.items():
        for record in records:
            prefixes = {prefix for prefix in record.get("sources", {}).values() if prefix}
            inputs += inputs_at(record["path"], role, prefixes)
    config = made.config.model_dump(mode="json")
    cuts = made.config.cuts.file
    if cuts is not None:  # its content counts, not where it lies
        file = Path(cuts)
        inputs.append(file_input(file / "cuts.parquet" if file.is_dir() else file, "cuts"))
        config["cuts"] = {**config["cuts"], "file": file.name}
    return Activity(IRF, inputs, config, software("pyirf"), simulated=True, _begin=made.begin)


def places_of(made: Responses) -> list[str]:
    """Where the inputs lie."""
    return [str(record["path"]) for records in made.inputs.values() for record in records]


__all__ = ["LEVEL", "places_of", "responses_activity"]
