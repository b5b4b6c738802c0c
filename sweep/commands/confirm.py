"""``confirm``: train the best trials with new seeds and evaluate them on the test split."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsharp.sweep.commands.notify import Notify, findings_of, notifying
from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Json, Storage, Study, storage_address

if TYPE_CHECKING:  # the command imports rich and the study when it runs
    from rich.table import Table

    from fieldsharp.objectives.verdicts.verdict import Verdict
    from fieldsharp.sweep.study.confirmation.over_seeds import OverSeeds, Spread
    from fieldsharp.sweep.study.confirmation.records import Confirmation

NAME = "confirm"
HELP = "Train the best trials with new seeds and judge them on the test split."


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
    show_long(
        f"study {study} on the test split, seeds {', '.join(map(str, confirmation.seeds))}; "
        "mean +- standard error; for the held score, which decides, a seed that breaks a guard or "
        "fails counts no better than the baseline's"
        + (
            "; the baseline under a sharpener is a reference, without any further training"
            if confirmation.references
            else ""
        )
    )
    console.print(_table(confirmation))
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


def _table(confirmation: "Confirmation") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    words = ("configuration", "sharpener")
    for heading in ("trial", *words, "seeds", "score", "held score", "gradient", "peak"):
        table.add_column(heading, justify="left" if heading in words else "right")
    table.add_column("rmse / baseline", justify="right")
    table.add_column("feasible", justify="right")
    bands = confirmation.gradient, confirmation.peak
    targets = [f"{band.low:.4g} to {band.high:.4g}" for band in bands]
    table.add_row("", "target", "", "", "", "", *targets, "", "")
    for trial in confirmation.trials:
        names = str(trial.trial), trial.configuration, trial.sharpening
        table.add_row(*names, *_figures(trial))
        if trial.trial == confirmation.baseline:
            for reference in confirmation.references:
                table.add_row("", "baseline", reference.name, *_figures(reference))
    return table


def _figures(found: "OverSeeds") -> list[str]:
    ratio, count = found.rmse_over_baseline, len(found.outcomes)
    return [
        str(count),
        *map(_cell, (found.score, found.held_score, found.gradient, found.peak)),
        "-" if ratio is None else f"{ratio:.3f}",
        f"{found.feasible}/{count}",
    ]


def _cell(figure: "Spread | None") -> str:
    if figure is None:
        return "-"
    error = "" if figure.error is None else f" +- {figure.error:.2g}"
    return f"{figure.mean:.4g}{error}"
