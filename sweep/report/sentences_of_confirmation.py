"""Sentences of the report about the confirmation and what it measured on the test split."""

from fieldsharp.objectives.leads.lead import FEWEST_BLOCKS
from fieldsharp.sweep.report.formatting import count, listed, percent, ratio
from fieldsharp.sweep.report.measured import MeasuredForecast, MeasuredSplit, trial_on_test_split
from fieldsharp.sweep.report.model import Report
from fieldsharp.sweep.report.sentences import capital


def measured_sentence(report: Report) -> str:
    """Return a summary of what was measured on the test split, or why nothing was."""
    found = report.tested
    if found is None:
        return f"{capital(report.why_not_tested)}." if report.complete else ""
    measured = [(one, one.gradient.share, one.peak.share) for one in found.forecasts]
    clauses = [
        f"{_subject(one)} has {percent(gradient.value)} of the observed gradient and "
        f"{percent(peak.value)} of the peak's height above the mean"
        for one, gradient, peak in measured
        if gradient is not None and peak is not None
    ]
    ratios = [ratio(one.rmse.share.value) for one in found.forecasts[1:] if one.rmse.share]
    end = f", at {listed(ratios)} times the baseline's RMSE" if ratios else ""
    return (
        f"On the test split, which neither training nor search used, {listed(clauses)}{end}; mean "
        f"over {count(found.seeds, 'new seed')}."
    )


def comparison_sentence(report: Report) -> str:
    """Return how the trials were compared; "" before confirm was run."""
    confirmed = report.confirmation
    if confirmed is None:
        return ""
    decides = (
        "The held score decides: in it a seed that fails or breaks a guard counts no better than "
        "the baseline."
    )
    if confirmed.part == "test":
        return f"An earlier version compared all of these trials on the test split. {decides}"
    return (
        f"{decides} A chance is how likely luck alone makes so large a lead, over windows in time "
        "and seeds together, and corrected for the number of trials compared."
    )


def tested_sentence(report: Report) -> str:
    """Return how the winner was tested, and how often the split was read; "" without a test."""
    found, confirmed = report.tested, report.confirmation
    if confirmed is None or confirmed.part == "test":
        return ""
    if found is None:
        return f"{capital(report.why_not_tested)}."
    if trial_on_test_split(confirmed) is None:
        fixed = "The baseline is the winner, so that no trial was measured on the test split"
    else:
        fixed = "The winner was fixed and stored before the test split was read for it"
    return f"{fixed}. {_readings(found)}{_sureness(found)}"


def _readings(found: MeasuredSplit) -> str:
    if found.readings == 1:
        return "The test split was read for this result alone."
    return (
        f"The test split has been read for {count(found.readings, 'winner')} by now: the more it "
        "is read for, the less it is unseen."
    )


def _sureness(found: MeasuredSplit) -> str:
    if found.blocks is None:
        return ""
    text = f" It has {count(found.blocks, 'independent block')} of windows"
    if found.blocks < FEWEST_BLOCKS:
        return f"{text}: below {FEWEST_BLOCKS} no lead and no interval can be told."
    if found.seeds < 2:
        return (
            f"{text}. A single seed tells nothing of others: no lead and no interval can be told."
        )
    return f"{text}; an interval holds the true value with a chance of 95 %."


def _subject(one: MeasuredForecast) -> str:
    return one.name if one.name.startswith("trial") else f"the {one.name}"
