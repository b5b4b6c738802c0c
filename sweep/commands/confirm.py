"""``confirm``: compare the best trials with new seeds, and test the winner on the test split."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsharp.sweep.commands.notify import Notify, findings_of, notifying
from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Json, Storage, Study, storage_address

if TYPE_CHECKING:  # the command imports rich and the study when it runs
    from fieldsharp.objectives.verdicts.verdict import Verdict
    from fieldsharp.sweep.study.confirmation.records import Confirmation, Tested

NAME = "confirm"
HELP = "Compare the best trials with new seeds, and measure the winner on the test split."


def run(
    study: Study,
    top: Annotated[int, typer.Option(min=1, help="Best trials, beside the baseline.")] = 3,
    seeds: Annotated[int, typer.Option(min=1, help="New seeds, the same in every call.")] = 5,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Trainings at a time; by default as the sweep."),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Json = False,
    notify: Notify = None,
) -> None:
    """Confirm a study from the command line."""
    from fieldsharp.sweep.commands import confirmation_tables
    from fieldsharp.sweep.commands.console import wide_console
    from fieldsharp.sweep.commands.printing import say_json
    from fieldsharp.sweep.engine.confirm import confirm_study
    from fieldsharp.sweep.study.confirmation.records import next_step

    address = storage_address(storage)
    with notifying(notify, study, address, lambda: findings_of(study, address)) as notification:
        confirmation = confirm_study(study, address, top, seeds, workers)
        notification.reason = confirmation.sentence
    if as_json:
        say_json(confirmation.model_dump(mode="json"))
        return
    console = wide_console()
    show_long = partial(console.print, markup=False, soft_wrap=True)
    show_long(_heading_of_comparison(study, confirmation))
    console.print(confirmation_tables.comparison(confirmation))
    for trial in confirmation.trials:
        for outcome in trial.outcomes:
            if outcome.failure is not None:
                show_long(
                    f"trial {trial.trial} failed with seed {outcome.seed}: {outcome.failure}; "
                    "the same command tries it again"
                )
    for reference in confirmation.references:
        for outcome in reference.outcomes:
            if outcome.failure is not None:
                show_long(
                    f"the baseline under {reference.name}, seed {outcome.seed}: {outcome.failure}"
                )
    of_members = [
        (one.trial, outcome.seed, outcome.members)
        for one in confirmation.trials
        for outcome in one.outcomes
        if outcome.members is not None
    ]
    for number, seed, members in of_members:
        show_long(
            f"trial {number}, seed {seed}: spread over error {members.spread_over_error:.2f}, rmse "
            f"of the mean {members.rmse_of_mean_over_baseline:.3f} of the baseline's, CRPS "
            f"{members.crps_over_reference:.3f} and variogram score "
            f"{members.variogram_over_reference:.3f} of the best ensemble's without training"
        )
    if not confirmation.references and not of_members:
        show_long(
            "the baseline is not shown under sharpeners: none could be fitted, or an earlier "
            "version trained it"
        )
    if confirmation.tested is not None:
        show_long(_heading_of_test(confirmation, confirmation.tested))
        console.print(confirmation_tables.winner_on_test_split(confirmation, confirmation.tested))
    show_long(confirmation.sentence)
    verdict = _verdict(study, address)
    show_long(f"verdict: {verdict.name}: {verdict.reason}")
    show_long(f"next: {next_step(verdict, confirmation)}")


def _verdict(study: str, address: str) -> "Verdict":
    """Return the verdict that the confirmation led to, as it was stored with it."""
    from fieldsharp.objectives.verdicts.verdict import Verdict
    from fieldsharp.storage.database import open_database
    from fieldsharp.storage.errors.mapping import database_errors
    from fieldsharp.sweep.study.lookup import load_study
    from fieldsharp.sweep.study.trial_records import VERDICT, read_stored

    with database_errors(address):
        stored = load_study(open_database(address, "read"), study).user_attrs[VERDICT]
    return read_stored(Verdict, stored, f"verdict of study {study!r}")


def _heading_of_comparison(study: str, confirmation: "Confirmation") -> str:
    """Return what the table of the comparison shows."""
    parts = [
        f"study {study} on the {confirmation.part} split, seeds "
        f"{', '.join(map(str, confirmation.seeds))}",
        "mean +- standard error",
        "for the held score, which decides, a seed that breaks a guard or fails counts no better "
        "than the baseline's",
    ]
    if confirmation.over_baseline:
        parts.append(
            "the lead is that over the baseline, the chance how likely luck alone makes it"
        )
    if confirmation.references:
        parts.append("the baseline under a sharpener is a reference, without any further training")
    return "; ".join(parts)


def _heading_of_test(confirmation: "Confirmation", tested: "Tested") -> str:
    """Return what the table of the test split shows."""
    is_winner = tested.winner is not None and confirmation.winner != confirmation.baseline
    parts = [f"{'the winner' if is_winner else 'the baseline'} on the test split"]
    if tested.blocks is not None:
        parts.append(f"{tested.blocks} independent blocks of windows")
    if tested.baseline.intervals is not None:
        parts.append(
            "gradient, and peak above the mean, as shares of the observed, rmse of the baseline's, "
            "with 95 % intervals where they can be told"
        )
    if tested.readings > 1:
        parts.append(f"the test split was read for {tested.readings} winners by now")
    return "; ".join(parts)
