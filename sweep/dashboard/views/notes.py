"""Notes of studies and trials in Markdown, made for each request and never stored."""

import shlex
from collections.abc import Mapping, Sequence

from fieldsharp.core.printable import printable
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.model.registry import NO_SHARPENER, NOT_KNOWN, loss_variant
from fieldsharp.objectives.guards import broken
from fieldsharp.storage.location.url import as_option
from fieldsharp.sweep.dashboard.views.attributes import ParsedTrial
from fieldsharp.sweep.dashboard.views.markdown import code, code_block, plain
from fieldsharp.sweep.dashboard.views.members_note import members_note
from fieldsharp.sweep.dashboard.views.references_note import reference_in_words, references_table
from fieldsharp.sweep.execution.script.error_lines import shown_lines
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.confirmation.records import next_step, shortfall
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.artifacts import PICTURES, picture_of
from fieldsharp.sweep.study.formatting import given_in_words
from fieldsharp.sweep.study.status.report import StudyStatus, TrialStatus, VariableStatus
from fieldsharp.sweep.study.trial_records import (
    TrialRecord,
    is_baseline,
    paused_after,
    why_left_out,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict_inputs import can_sharpen

OUTPUT_LINES = 20
"""Most lines of a script's output in the note of its trial: the last ones, or up to its error."""


NOTE_PICTURES = ("members-last-lead", "members-first-lead", "maps-last-lead", "maps-first-lead")
"""The first of these that a trial has stands in its note."""


def trial_note(
    parsed: ParsedTrial, summary: DataSummary, baseline: TrialRecord | None, picture: str = ""
) -> str:
    """Return the note of a trial: score, broken guards, loss, metrics, and a picture at the end.

    ``baseline`` is None before the baseline is complete, and ``picture`` is Markdown.
    """
    spec = parsed.spec
    lines = [f"**Trained with** {trained_with(spec)}"] if spec is not None else []
    if spec is not None and spec.preset is not None:
        lines[0] += (
            f" (preset {code(spec.preset)}). The parameters below are those of the search space: "
            "weights in units of the base loss, clipped to their range."
        )
    failure = parsed.trial.user_attrs.get(trial_records.FAILURE)
    if failure is not None:
        return "\n\n".join([f"**Failed:** {plain(str(failure))}", *lines])
    record = parsed.record
    if record is None:
        why = why_left_out(parsed.trial) if parsed.trial.state.is_finished() else ""
        state = f"**Left out:** {plain(why)}" if why else "**Not finished yet.**"
        return "\n\n".join([state, *lines])
    parts = [_outcome(parsed, record), *_judged_with(record), *lines]
    for name in summary.variables:
        own, beside = record.of(name), baseline and baseline.of(name)
        if summary.others:
            parts.append(f"**{plain(name)}:** score {own.score:.4g}")
        parts.append(_table(parsed, own, summary.of(name), beside))
        parts += members_note(own, beside, summary.of(name).units)
        if own.references:
            parts.append(references_table(own, summary.of(name)))
    return "\n\n".join([*parts, *([picture] if picture else [])])


def output_note(printed: str) -> str:
    """Return the end of a script's output as a block of its trial's note, "" without output."""
    end = shown_lines(printed, OUTPUT_LINES)
    if not end:
        return ""
    # Indented: no line of the output can end this block.
    block = "\n".join(f"    {printable(line)}" for line in end.split("\n"))
    return f"\n\nLast lines of its output:\n\n{block}"


def study_note(status: StudyStatus, url: str) -> str:
    """Return the note of a study: verdict, next step, counts and the best trial."""
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
    parts += [_in_variable(name, one) for name, one in status.variables.items()]
    parts += _without_training(status)
    if status.infeasible:
        guards = ", ".join(f"{code(guard)} {n}" for guard, n in status.guards_broken.items())
        parts.append(
            f"Complete trials that cannot win because they break a guard: {status.infeasible} "
            f"({guards}). The plots show them in grey, as infeasible."
        )
    if status.confirmation is not None:
        parts.append(f"**Confirmation:** {plain(status.confirmation.sentence)}")
    missed = shortfall(verdict, status.confirmation)
    if missed is not None:
        parts.append(f"**Beware:** {plain(missed)}")
    if status.guards_not_taken:
        guards = ", ".join(code(guard) for guard in status.guards_not_taken)
        parts.append(f"The script does not report the metrics that the guards {guards} need.")
    commands = [f"report {name}"]
    if status.best is not None:
        commands.append(f"export {name} -o best.yaml")
    if not status.why_not_confirm:
        commands.append(f"confirm {name}")
    lines = [f"{program_elsewhere()} {command}{as_option(url)}" for command in commands]
    return "\n\n".join([*parts, code_block(*lines)])


def note_picture(study_id: int, trial_id: int, artifacts: Sequence[Mapping[str, str]]) -> str:
    """Return the maps of the last lead, where blur is worst, in Markdown; "" without maps.

    Of an ensemble those of its members.
    """
    for name in NOTE_PICTURES:
        for meta in artifacts:
            found = picture_of(meta["artifact_id"])
            if found is not None and found.picture == name:
                path = f"/artifacts/{study_id}/{trial_id}/{meta['artifact_id']}"
                return f"![{PICTURES[found.picture].description}]({path})"
    return ""


def trained_with(spec: TrialSpec) -> str:
    """Return the loss of a trial, or the commands of its script, in Markdown."""
    if spec.run.trainer is not None:
        commands = ", then ".join(
            code(" ".join(arguments)) for arguments in spec.run.trainer.commands
        )
        return f"{commands}, given {plain(given_in_words(spec.run.trainer.given))}"
    loss = spec.run.loss
    terms = []
    if loss.gradient_weight > 0:
        terms.append(f"{code(loss.variant)} with weight {loss.gradient_weight:.4g}")
    if loss.peak_weight > 0:
        terms.append(f"{code(loss.peak_variant)} with weight {loss.peak_weight:.4g}")
    if not terms:
        return f"{loss.base} alone, without any gradient term"
    steps = "on every predicted step" if loss.multi_step == "all" else "on the last predicted step"
    variants = {loss.variant} if loss.gradient_weight > 0 else set()
    variants |= {loss.peak_variant} if loss.peak_weight > 0 else set()
    can = "can" if can_sharpen(loss) else "cannot"
    if all(loss_variant(name).optimum == NOT_KNOWN for name in variants):
        can = "may or may not"
    return (
        f"{loss.base} and {' and '.join(terms)} {steps}; such a loss {can} cure blur that comes "
        "from uncertainty"
    )


def _outcome(parsed: ParsedTrial, record: TrialRecord) -> str:
    broken_guards = broken(record.guards)
    state = parsed.trial.state.name
    early = {"PRUNED": "Pruned", "WAITING": "Waiting", "RUNNING": "Running"}.get(state)
    if paused_after(parsed.trial) is not None:
        early = "Paused"
    # Of members the score has the CRPS, which a perfect ensemble has too.
    best = "the lower the better" if "crps" in record.score_parts else "0 is perfect"
    score = (
        f"**{early} after {record.epochs} epochs** with score {record.score:.4g}"
        if early
        else f"**Score {record.score:.4g}** ({best})"
    )
    if not broken_guards:
        return f"{score}. It breaks no guard."
    sentences = [f"{score}. **It cannot win**, since it breaks guards:\n"]
    for guard in broken_guards:
        lead = f" at lead {guard.lead}" if guard.lead is not None else ""
        value = f"{guard.value:.4g}{lead}, limit {guard.limit:.4g}"
        sentences.append(f"- {code(guard.name)}: {plain(guard.words)} ({value})")
    return "\n".join(sentences)


def _table(
    parsed: ParsedTrial, record: TrialRecord, summary: DataSummary, baseline: TrialRecord | None
) -> str:
    unit = f" [{plain(summary.units)}]" if summary.units else ""
    per_cell = f" [{plain(summary.units)} {summary.per}]" if summary.units else f" [{summary.per}]"
    rows = [
        (f"gradient{per_cell}", summary.least["gradient"], summary.gradient_observed, "gradient"),
        (f"peak{unit}", summary.least["peak"], summary.peak_observed, "peak"),
        (f"RMSE{unit}", None, None, "rmse"),
        ("skill over persistence", None, None, "skill_persistence"),
    ]
    compared = None if is_baseline(parsed.trial) else baseline
    heading = "| validation split | this trial | baseline | target | observed |"
    lines = [heading, "|---|---|---|---|---|"]
    for label, target, observed, metric in rows:
        if metric not in record.metrics:  # a script need not report it
            continue
        of_baseline = compared.metrics.get(metric) if compared is not None else None
        values = (record.metrics[metric], of_baseline, target, observed)
        cells = ["" if value is None else f"{value:.4g}" for value in values]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _judged_with(record: TrialRecord) -> list[str]:
    """Return with which sharpener a trial is judged, nothing where with none."""
    if record.sharpening is None or record.sharpening.name == NO_SHARPENER:
        return []
    without = record.sharpening.without
    breaks = "" if without.feasible else ", and it breaks a guard"
    return [
        f"**Judged with** {code(record.sharpening.name)}, a last step fitted on training "
        f"forecasts; without it its score is {without.score:.4g}{breaks}."
    ]


def _without_training(status: StudyStatus) -> list[str]:
    """Return the best of what needs no training, and what the frontier says of the baseline."""
    parts = []
    unit = f" {plain(status.units)}" if status.units else ""
    reference = status.reference
    if reference is not None:
        breaks = "" if reference.feasible else "; it breaks a guard"
        parts.append(
            f"**Without any training:** {reference_in_words(reference.name)}, score "
            f"{reference.score:.4g}: gradient {reference.gradient:.4g}, peak "
            f"{reference.peak:.4g}{unit}, RMSE {reference.rmse:.4g}{unit}{breaks}"
        )
    elif status.missing_references is not None:
        parts.append(f"**Without any training:** {plain(status.missing_references)}")
    if status.frontier is not None:
        curve = status.frontier.overall
        about = [curve.diagnosis and f"the baseline is {curve.diagnosis}", curve.estimate_because]
        said = ". ".join(text[:1].upper() + text[1:] for text in about if text)
        full = f"an RMSE of {curve.rmse_full:.4g}{unit} at least"
        parts.append(
            f"**Frontier:** by what the baseline knows, a forecast as sharp as the truth has "
            f"{full}. {plain(said)}{'.' if said else ''}".rstrip()
        )
    return parts


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
        f"{peak:.4g}), RMSE {best.rmse:.4g}{unit}; {values}{_with_sharpener(best)}"
    )


def _in_variable(name: str, status: VariableStatus) -> str:
    """Return verdict and best trial of a study in one of its variables."""
    unit = f" {plain(status.units)}" if status.units else ""
    gradient, peak, best = status.targets["gradient"], status.targets["peak"], status.best
    found = (
        ""
        if best is None
        else f"; the best trial has score {best.score:.4g}: gradient {best.gradient:.4g} (target "
        f"{gradient:.4g}), peak {best.peak:.4g}{unit} (target {peak:.4g}), RMSE "
        f"{best.rmse:.4g}{unit}"
    )
    return f"**{plain(name)} by itself:** {plain(status.verdict.name)}{found}"


def _with_sharpener(trial: TrialStatus) -> str:
    name = trial.sharpening.name
    if name == NO_SHARPENER:
        return ""
    return f"; with {code(name)}, without which its score is {trial.sharpening.without.score:.4g}"
