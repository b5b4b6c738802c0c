"""Writes the files of the sweeps that a verdict tells to start."""

from optuna.study import Study

from fieldsharp.objectives.verdicts.verdict import PROMISING, Verdict
from fieldsharp.sweep.results import members_search, narrowed_search


def save_follow_ups(study: Study, url: str, verdict: Verdict) -> None:
    """Write the files that a verdict names to the working folder, where that works."""
    if verdict.name == PROMISING:
        narrowed_search.save_narrowed_search(study, url)
    if members_search.FILE in verdict.next:
        members_search.save_members_search(study, url)
