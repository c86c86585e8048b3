"""Who trained models, and models as what others read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ctabatch.provenance.activity import Activity, Input
from ctabatch.provenance.of_parts import part_inputs
from ctabatch.provenance.product import key_values, product_of
from ctabatch.provenance.record import RECORD, record_text

if TYPE_CHECKING:
    from ctabatch.io.part_tables import PartTables

    from .train import Training

TRAIN = "ctabatch train"


def training_activity(
    card: Mapping[str, Any], roles: Mapping[str, Sequence[PartTables]], begin: str
) -> Activity:
    """The training behind a card, from parts by role."""
    inputs = [
        one
        for role, parts in roles.items()
        for part in parts
        for one in part_inputs(part.record, role)
    ]
    return Activity(
        TRAIN, inputs, card["config"], card["software"], config_digest=str(card["config_digest"]),
        simulated=True, _begin=begin,
    )  # fmt: skip


def models_input(card: Mapping[str, Any]) -> Input:
    """Models as an input: the digest of their card, and who trained them."""
    made = card.get("activity")
    made = made if isinstance(made, dict) else {}
    prefix = str(card.get("prefix", ""))
    return Input("models", "models", prefix, str(card["digest"]), activity=str(made.get("id", "")))


def written_with(training: Training) -> dict[str, Any]:
    """What `ctabatch.io.model_files.write_models` adds to the files of a training."""
    activity = training.activity
    if activity is None:
        return {}

    def about(table: str) -> dict[str, str]:
        return key_values(activity, product_of(table, level="models"))

    text = record_text(activity, product_of("models", level="models"), map(str, training.places))
    return {"about": about, "further_files": {RECORD: text}}


__all__ = ["models_input", "training_activity", "written_with"]
