"""Tables and sentences that show a study on a terminal."""

import shlex
from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.table import Table

from fieldsharp.core.program_name import program
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.verdicts.verdict import NOTHING_TO_FIX, SUCCESS
from fieldsharp.storage.location.url import as_option
from fieldsharp.sweep.commands.status_columns import (
    columns_of,
    numbers,
    without_training_of_members,
)
from fieldsharp.sweep.study.confirmation.records import next_step, shortfall
from fieldsharp.sweep.study.confirmation.result_in_words import held_scores
from fieldsharp.sweep.study.data_summary import AFTER_THE_BASELINE
from fieldsharp.sweep.study.status.report import StudyStatus, TrialStatus, VariableStatus


def show_status(status: StudyStatus, console: Console) -> None:
    """Print the state of a study."""
    show = partial(console.print, markup=False)
    show_long = partial(show, soft_wrap=True)
    counts = ", ".join(f"{n} {state.lower()}" for state, n in status.states.items() if n)
    counts = counts or "no trials"
    unit = f" [{status.units}]" if status.units else ""
    observed = status.observed
    show(f"study {status.study}: {counts}; budget {status.budget} trials")
    show_long(status.coordinator.note)
    of = "as the script tells" if observed["gradient"] is None else "on the validation split"
    show(f"field {status.variable}{unit}, {of}")
    for note in status.grid_notes:
        show_long(note)
    if status.shared_data_mb:
        show(f"the workers share {status.shared_data_mb:.1f} MB of data beside the database")
    _show_numbers(status, console)
    show(
        "spread/error is 1 where the members are honest, below where they are too sure"
        if status.mode == "members"
        else "skill is 1 - MSE / MSE of persistence"
    )
    for sentence in _without_training(status):
        show_long(sentence)
    if status.front:
        front = ", ".join(str(trial.trial) for trial in status.front)
        show(f"on the front, beaten by none in gradient, peak and rmse at once: trials {front}")
    if status.guards_not_taken:
        show_long(
            "guards that cannot be computed from what the script writes: "
            f"{', '.join(status.guards_not_taken)}"
        )
    if status.infeasible:
        broken = ", ".join(f"{name} {n}" for name, n in status.guards_broken.items())
        show(f"{status.infeasible} of the complete trials broke a guard and cannot win ({broken})")
    if status.best is not None:
        show(f"best is {_values(status.best)}")
        sharpened = _sharpened(status.best)
        if sharpened:
            show_long(sharpened)
        if status.baseline is not None and status.best.trial == status.baseline.trial:
            show("no trial has a better score than the baseline")
        for warning in status.best.warnings:
            show_long(f"beware: {warning}")
    if status.eta_s is not None:
        minutes, seconds = divmod(round(status.eta_s), 60)
        show(f"about {minutes} min {seconds} s left")
    for number, reason in status.failures.items():
        show_long(f"trial {number} failed: {reason}")
    for number, reason in status.left_out.items():
        show_long(f"trial {number} is left out: {reason}")
    if status.repeats is not None:
        show_long(f"leaders: {status.repeats.sentence}")
    if status.confirmation is not None:
        show_long(f"confirmation: {status.confirmation.sentence}")
        if status.confirmation.references:  # earlier versions had none
            split = f"{status.confirmation.part} split"
            show_long(f"held scores on the {split}: {held_scores(status.confirmation)}")
    missed = shortfall(status.verdict, status.confirmation)
    if missed is not None:
        show_long(f"beware: {missed}")
    verdict = status.verdict
    show_long(f"verdict: {verdict.name}: {verdict.reason}")
    show_long(f"next: {next_step(verdict, status.confirmation)}")


def _show_numbers(status: StudyStatus, console: Console) -> None:
    """Print a table of observed and forecast figures, of each predicted variable one."""
    if not status.variables:
        console.print(_numbers_table(status, status.front))
        return
    first, *others = status.variables.items()
    console.print(_numbers_table(first[1]))
    for name, one in others:
        unit = f" [{one.units}]" if one.units else ""
        console.print(f"field {name}{unit}", markup=False)
        console.print(_numbers_table(one))
    means = ", ".join(
        f"{name} {trial.score:.4g}"
        for name, trial in (("baseline", status.baseline), ("best", status.best))
        if trial is not None
    )
    if means:
        console.print(
            f"the score of a trial is the mean over variables: {means}",
            markup=False,
            soft_wrap=True,
        )
    for name, one in status.variables.items():
        differs = one.verdict.name != status.verdict.name
        said = f"{one.verdict.name}: {one.verdict.reason}" if differs else one.verdict.name
        console.print(f"{name} by itself: {said}", markup=False, soft_wrap=True)


def _numbers_table(
    status: StudyStatus | VariableStatus, front: Sequence[TrialStatus] = ()
) -> Table:
    observed, targets = status.observed, status.targets
    columns = columns_of(status.references)
    table = Table(box=None, pad_edge=False)
    for heading in ("", "trial", "score", "gradient", "peak", *columns):
        table.add_column(heading, justify="left" if not heading else "right")
    if observed["gradient"] is not None and observed["peak"] is not None:
        table.add_row("observed", "", "", *numbers(observed["gradient"], observed["peak"]))
    wanted = (targets["gradient"], targets["peak"])
    least = [AFTER_THE_BASELINE if one is None else numbers(one)[0] for one in wanted]
    table.add_row("target", "", "", *least)
    rows = [("baseline", status.baseline), ("best", status.best)]
    shown = {trial.trial for _, trial in rows if trial is not None}
    rows += [("front", trial) for trial in front if trial.trial not in shown]
    for name, trial in rows:
        if trial is not None:
            figures = numbers(trial.score, trial.gradient, trial.peak)
            accuracy = [column(trial.metrics) for column in columns.values()]
            table.add_row(name, str(trial.trial), *figures, *accuracy)
        if name == "baseline":
            for one in status.references:
                figures = numbers(one.score, one.gradient, one.peak)
                accuracy = [column(one.metrics) for column in columns.values()]
                mark = "" if one.feasible else " *"
                table.add_row(f"  + {one.name}{mark}", "", *figures, *accuracy)
    return table


def show_guards(guards: Sequence[GuardOutcome], console: Console) -> None:
    """Print the result of each guard, and the meaning of broken ones."""
    table = Table(box=None, pad_edge=False)
    for heading in ("guard", "value", "limit", "", "what a forecast that breaks it does wrong"):
        table.add_column(heading, justify="right" if heading in ("value", "limit") else "left")
    for guard in guards:
        meaning = "" if guard.ok else guard.words
        figures = numbers(guard.value, guard.limit)
        table.add_row(guard.name, *figures, "ok" if guard.ok else "BROKEN", meaning)
    console.print(table)


def show_result(status: StudyStatus, address: str, console: Console) -> None:
    """Print the result of a sweep and the commands to run next."""
    show_status(status, console)
    if status.best is None or status.verdict.name == NOTHING_TO_FIX:
        return
    storage = as_option(address)
    about = status.verdict.trial
    named = status.verdict.name == SUCCESS and about not in (None, status.best.trial)
    chosen = f" --trial {about}" if named else ""
    console.print("commands that follow:", markup=False)
    study = shlex.quote(status.study)
    commands = [
        f"dashboard{storage}",
        f"report {study}{storage} -o report.html",
        f"export {study}{storage}{chosen} -o best.yaml",
    ]
    if not status.why_not_confirm:
        commands.insert(1, f"confirm {study}{storage}")
    if not status.trains_script:  # a script is run by hand
        commands += ["train best.yaml -o run", "predict run --steps 3 -o forecast.nc"]
    for command in commands:
        console.print(f"  {program()} {command}", markup=False, soft_wrap=True)


def _without_training(status: StudyStatus) -> list[str]:
    """Return what sharpeners of the baseline come to, and what its frontier says."""
    sentences = []
    best, note = status.reference, status.missing_references
    if best is not None:
        if any(not one.feasible for one in status.references):
            sentences.append("* breaks a guard")
        sentences.append(
            without_training_of_members(status.references)
            if status.mode == "members"
            else f"the best without training is the baseline + {best.name}, score {best.score:.4g}"
            if best.feasible
            else "every sharpener of the baseline breaks a guard"
        )
    elif note is not None:
        sentences.append(f"no forecast without training is compared: {note}")
    if status.frontier is not None:
        curve = status.frontier.overall
        if curve.diagnosis:
            sentences.append(f"the baseline is {curve.diagnosis}")
        best_trial = status.best
        excess = best_trial.excess_over_frontier if best_trial is not None else None
        if best_trial is not None and excess is not None and best_trial.rmse > excess:
            share = 100.0 * abs(excess) / (best_trial.rmse - excess)
            where = "above" if excess >= 0 else "below"
            estimate = ", an estimate" if curve.is_estimate else ""
            sentences.append(
                f"the rmse of the best is {share:.1f} % {where} the frontier, the least rmse at "
                f"its sharpness by what the baseline knows{estimate}"
            )
    return sentences


def _sharpened(trial: TrialStatus) -> str:
    """Return with which sharpener a trial is judged, "" where with none."""
    sharpening = trial.sharpening
    if sharpening.name == NO_SHARPENER:
        return ""
    without = sharpening.without
    broken = "" if without.feasible else ", and it breaks a guard"
    return f"judged with {sharpening.name}; without it score {without.score:.4g}{broken}"


def _values(trial: TrialStatus) -> str:
    values = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.params.items()
    )
    return f"trial {trial.trial}: {values}" + (f" ({trial.preset})" if trial.preset else "")
