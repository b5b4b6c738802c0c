"""The notes of studies and trials in Markdown, written anew whenever somebody looks."""

import shlex
from dataclasses import dataclass

from fieldsharp.core.printable import printable
from fieldsharp.objectives.guards import GuardOutcome, broken
from fieldsharp.storage.location.url import as_option
from fieldsharp.sweep.dashboard.views.markdown import code, code_block, plain
from fieldsharp.sweep.dashboard.views.trial_attributes import ReadTrial, trained_with
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.confirmation.records import next_step, shortfall
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.formatting import last_lines
from fieldsharp.sweep.study.status.report import StudyStatus, TrialStatus
from fieldsharp.sweep.study.trial_records import TrialRecord, paused_after, why_left_out

OUTPUT_LINES = 20
"""Of what a script printed, in its note."""


@dataclass(frozen=True)
class NotePicture:
    """A picture in a note.

    Attributes:
        path: Where the page finds it.
        alt: What it shows, for those who do not see it.
    """

    path: str
    alt: str


def trial_note(
    read: ReadTrial,
    facts: DataSummary,
    baseline: TrialRecord | None,
    picture: NotePicture | None = None,
) -> str:
    """Return what a trial came to.

    Args:
        read: The trial.
        facts: Of the study.
        baseline: What it is compared with; None before it is complete.
        picture: What is shown below.
    """
    lines = [f"**Trained with** {trained_with(read.spec)}"] if read.spec is not None else []
    if read.spec is not None and read.spec.preset is not None:
        lines[0] += (
            f" (preset {code(read.spec.preset)}). Below, its parameters stand where the search has "
            "them: a weight in units of the base loss, at the nearest end of its range."
        )
    failure = read.trial.user_attrs.get(trial_records.FAILURE)
    if failure is not None:
        return "\n\n".join([f"**Failed:** {plain(str(failure))}", *lines])
    record = read.record
    if record is None:
        why = why_left_out(read.trial) if read.trial.state.is_finished() else ""
        state = f"**Left out:** {plain(why)}" if why else "**Not finished yet.**"
        return "\n\n".join([state, *lines])
    parts = [_outcome(read, record), *lines, _table(record, facts, baseline, read)]
    return "\n\n".join([*parts, *([f"![{picture.alt}]({picture.path})"] if picture else [])])


def output_note(printed: str) -> str:
    """Return the end of what a script printed, as a block of a trial's note; "" of nothing."""
    said = last_lines(printed, OUTPUT_LINES)
    if not said:
        return ""
    # Whatever it printed ends no block, and is no Markdown.
    shown = "\n".join(f"    {printable(line)}" for line in said.split("\n"))
    return f"\n\nThe end of what it printed:\n\n{shown}"


def study_note(status: StudyStatus, url: str) -> str:
    """Return where a study stands and what to do next."""
    verdict = status.verdict
    name = shlex.quote(status.study)
    counts = ", ".join(f"{n} {state.lower()}" for state, n in status.states.items() if n)
    parts = [
        f"## Verdict: {plain(verdict.name)}",
        plain(verdict.reason),
        f"**Next:** {plain(next_step(verdict, status.confirmation))}",
        f"{counts or 'no trials'}; budget {status.budget}; {plain(status.coordinator.note)}",
    ]
    if status.best is not None:
        parts.append(_best(status, status.best))
    if status.infeasible:
        guards = ", ".join(f"{code(guard)} {n}" for guard, n in status.guards_broken.items())
        parts.append(
            f"Of the complete trials {status.infeasible} cannot win, since a guard is broken "
            f"({guards}): the plots show them in grey, as infeasible."
        )
    if status.confirmation is not None:
        parts.append(f"**Confirmed:** {plain(status.confirmation.sentence)}")
    missed = shortfall(verdict, status.confirmation)
    if missed is not None:
        parts.append(f"**Beware:** {plain(missed)}")
    if status.guards_not_taken:
        guards = ", ".join(code(guard) for guard in status.guards_not_taken)
        parts.append(f"What the script tells does not suffice for the guards {guards}.")
    then = [f"report {name}", f"export {name} -o best.yaml"]
    if not status.trains_script:
        then.append(f"confirm {name}")
    commands = [f"python run_sweep.py {command}{as_option(url)}" for command in then]
    return "\n\n".join([*parts, code_block(*commands)])


def _outcome(read: ReadTrial, record: TrialRecord) -> str:
    wrong = broken(record.guards)
    state = read.trial.state.name
    early = {"PRUNED": "Pruned", "WAITING": "Waits", "RUNNING": "Goes on"}.get(state)
    if paused_after(read.trial) is not None:
        early = "Paused"
    ended = (
        f"**{early} after {record.epochs} epochs** with score {record.score:.4g}"
        if early
        else f"**Score {record.score:.4g}** (0 is perfect)"
    )
    if not wrong:
        return f"{ended}. It breaks no guard."
    sentences = "\n".join(f"- {code(guard.name)}: {_guard(guard)}" for guard in wrong)
    return f"{ended}. **It cannot win**, since it breaks guards:\n\n{sentences}"


def _guard(guard: GuardOutcome) -> str:
    lead = f" at lead {guard.lead}" if guard.lead is not None else ""
    return f"{plain(guard.words)} ({guard.value:.4g}{lead}, limit {guard.limit:.4g})"


def _table(
    record: TrialRecord, facts: DataSummary, baseline: TrialRecord | None, read: ReadTrial
) -> str:
    unit = f" [{plain(facts.units)}]" if facts.units else ""
    per_cell = f" [{plain(facts.units)} per cell]" if facts.units else " [per cell]"
    rows = [
        (f"gradient{per_cell}", facts.gradient.low, facts.gradient_observed, "gradient"),
        (f"peak{unit}", facts.peak.low, facts.peak_observed, "peak"),
        (f"RMSE{unit}", None, None, "rmse"),
        ("skill over persistence", None, None, "skill_persistence"),
    ]
    compared = None if read.is_baseline else baseline
    heading = "| validation split | this trial | baseline | target | observed |"
    lines = [heading, "|---|---|---|---|---|"]
    for label, target, observed, metric in rows:
        if metric not in record.metrics:  # a script need not tell of it
            continue
        other = compared.metrics.get(metric) if compared is not None else None
        cells = (record.metrics[metric], other, target, observed)
        lines.append(f"| {label} | " + " | ".join(map(_number, cells)) + " |")
    return "\n".join(lines)


def _best(status: StudyStatus, best: TrialStatus) -> str:
    values = ", ".join(
        f"{plain(name)} {value:.4g}"
        if isinstance(value, float)
        else f"{plain(name)} {plain(str(value))}"
        for name, value in best.params.items()
    )
    unit = f" {plain(status.units)}" if status.units else ""
    gradient, peak = status.targets["gradient"], status.targets["peak"]
    return (
        f"**Best so far:** trial {best.trial}, score {best.score:.4g}: gradient "
        f"{best.gradient:.4g} (target {gradient:.4g}), peak {best.peak:.4g}{unit} (target "
        f"{peak:.4g}), RMSE {best.rmse:.4g}{unit}; {values}"
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
