"""What an export says of the confirmation of its study."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.sweep.study.confirmation.over_seeds import OverSeeds
from fieldsharp.sweep.study.confirmation.records import Confirmation, TestedForecast
from fieldsharp.sweep.study.trial_spec import Part

WINNER_IN_WORDS: Mapping[Part, str] = {
    "validation": "the confirmed winner with new seeds, measured on the test split",
    "test": "the confirmed winner on new seeds and the test split",
}
"""By the split that trials were compared on; earlier versions compared them on the test split."""


def confirmation_facts(
    confirmation: Confirmation, trials: Sequence[FrozenTrial], number: int, sharpener: str
) -> dict[str, Any]:
    """Return what was confirmed of an exported forecast, as plain values.

    ``on_validation_split`` has the figures of the forecast in the comparison with new seeds;
    ``on_test_split`` what was measured of it there, with intervals, if it is the winner, the
    baseline or the best reference. Each is None where there is none.

    Args:
        confirmation: Of the study.
        trials: Of the study.
        number: Of the trial.
        sharpener: That it is exported with.
    """
    is_earlier = confirmation.part == "test"
    compared: OverSeeds | None = confirmation.for_trial(number)
    if number == confirmation.baseline and sharpener != NO_SHARPENER and not is_earlier:
        compared = next((one for one in confirmation.references if one.name == sharpener), None)
    figures = compared.model_dump(mode="json", exclude={"outcomes"}) if compared else None
    return {
        "winner": confirmation.winner,
        "is_winner": confirmation.winner == number,
        "sentence": confirmation.sentence,
        "newer_trials": confirmation.newer_trials(trials),
        "compared_on": confirmation.part,
        "on_validation_split": None if is_earlier else figures,
        "on_test_split": figures if is_earlier else _tested(confirmation, number, sharpener),
    }


def _tested(confirmation: Confirmation, number: int, sharpener: str) -> dict[str, Any] | None:
    """Return what was measured of a forecast on the test split, None where it was not."""
    tested, compared = confirmation.tested, confirmation.for_trial(number)
    if tested is None or compared is None:
        return None
    found: TestedForecast | None = None
    if number == confirmation.baseline:
        found = {NO_SHARPENER: tested.baseline, tested.sharpener: tested.reference}.get(sharpener)
    elif number == confirmation.best and sharpener == compared.sharpening:
        found = tested.winner
    if found is None:
        return None
    return {
        "trial": number,
        "configuration": compared.configuration,
        "sharpening": sharpener,
        **found.model_dump(mode="json", exclude={"outcomes"}),
        "blocks": tested.blocks,
        "readings": tested.readings,
        "leads": [lead.model_dump(mode="json") for lead in tested.leads if lead.trial == number],
    }


def confirmed_standing(confirmed: Mapping[str, Any]) -> str:
    """Return whether an exported trial is the confirmed winner, a phrase."""
    if confirmed["is_winner"]:
        words = WINNER_IN_WORDS[confirmed["compared_on"]]
    elif confirmed["winner"] is not None:
        words = f"not trial {confirmed['winner']}, the confirmed winner"
    else:
        words = "the confirmation found no winner"
    newer = confirmed["newer_trials"]
    are = "trial is" if newer == 1 else "trials are"
    return words + (f", {newer} {are} newer than the confirmation" if newer else "")
