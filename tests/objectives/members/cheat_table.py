"""Prints the table of ensembles of docs/members.md.

    python -m tests.objectives.members.cheat_table

For each simulated field: gradient as a share of the observed; CRPS and variogram score as multiples
of the lower one of the two references; and the guards that are broken, the most broken first. No
better: than both references, in both scores, by more than two standard errors.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np

from fieldsharp.objectives.guards import GuardOutcome, broken, check_guards
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED, best_crps
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_members
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.objectives.targets import Band, Targets
from tests.objectives.members.ensembles import TRIED
from tests.objectives.members.scenes import Scene, scene

FIELDS = ("plumes", "showers", "weather")
MOST_NAMED = 2
STANDARD_ERRORS = 2.0
SETTINGS = GuardSettings()


@dataclass(frozen=True)
class Judged:
    """An ensemble beside the references.

    Attributes:
        values: Its metrics.
        gradient: Mean gradient of its members as a share of the observed.
        crps, variogram: Scores as multiples of the lower one of the references.
        lead: Over each reference in CRPS and in variogram score, the least of them, in standard
            errors of the mean over windows.
        score: What a search minimises.
        outcomes: Guards that are broken, the most broken first.
    """

    values: MetricValues
    gradient: float
    crps: float
    variogram: float
    lead: float
    score: float
    outcomes: list[GuardOutcome]

    @property
    def guards(self) -> list[str]:
        return [outcome.name for outcome in self.outcomes]

    @property
    def is_better(self) -> bool:
        """Whether it beats both references in both scores by more than chance."""
        return self.lead > STANDARD_ERRORS


class Tested:
    """Ensembles of a scene beside the baseline and the references."""

    def __init__(self, of: Scene) -> None:
        self.scene = of
        self._baseline, self._variation = of.baseline(), of.variation()
        self._references = {name: of.verify(of.reference(name)) for name in (DRESSED, CLIMATOLOGY)}
        self._of_references = {name: one.metric_values() for name, one in self._references.items()}

    def judged(self, name: str) -> Judged:
        """Return an ensemble or a reference by its name."""
        if name in self._references:
            return self._judged(self._references[name], self._of_references[name])
        verification = self.scene.verify(TRIED[name].made(self.scene, np.random.default_rng(1)))
        return self._judged(verification, verification.metric_values())

    def _judged(self, verification: EnsembleVerification, values: MetricValues) -> Judged:
        best = best_crps(self._of_references, ["field"])
        assert best is not None
        overall = values.overall
        variogram = min(one.overall["variogram_score"] for one in self._of_references.values())
        return Judged(
            values,
            overall["gradient"] / overall["gradient_observed"],
            values.crps / best["field"],
            overall["variogram_score"] / variogram,
            min(_lead(verification, one) for one in self._references.values()),
            score_members(values, _targets(values), best["field"], 1.0).total,
            broken(check_guards(values, SETTINGS, self._baseline, self._variation)),
        )


def _lead(one: EnsembleVerification, other: EnsembleVerification) -> float:
    """Return the lead over another ensemble in standard errors, of CRPS or variogram score."""
    ours, theirs = one.of_windows(), other.of_windows()
    leads = []
    for name in ("crps", "variogram"):
        ahead_W = np.asarray(theirs[name] - ours[name])
        error = ahead_W.std(ddof=1) / np.sqrt(len(ahead_W))
        leads.append(float(ahead_W.mean() / error) if error > 0 else 0.0)
    return min(leads)


def _targets(values: MetricValues) -> Targets:
    """Return automatic bands: 0.95 to 1.05 of the observed."""
    gradient, usual = values.overall["gradient_observed"], values.overall["mean_observed"]
    above = values.overall["peak_observed"] - usual
    return Targets(
        gradient=Band(0.95 * gradient, 1.05 * gradient),
        peak=Band(usual + 0.95 * above, usual + 1.05 * above, offset=usual),
    )


@cache
def tested(field: str) -> Tested:
    """Return a scene, made and judged once."""
    return Tested(scene(field, seed=0))


@cache
def tried(name: str, field: str) -> Judged:
    """Return an ensemble of a scene, or a reference by its name, made and judged once."""
    return tested(field).judged(name)


def _cell(name: str, field: str) -> str:
    found = tried(name, field)
    more = len(found.guards) - MOST_NAMED
    names = ", ".join(found.guards[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    answer = names or ("none" if found.is_better else "none, no better")
    return f"{found.gradient:.2f}, {found.crps:.2f}, {found.variogram:.2f}: {answer}"


def table() -> list[str]:
    """Return the lines of the table."""
    return [
        f"| ensemble | {' | '.join(FIELDS)} |",
        f"|{'---|' * (len(FIELDS) + 1)}",
        *(
            f"| {name} | {' | '.join(_cell(name, field) for field in FIELDS)} |"
            for name in (*TRIED, DRESSED, CLIMATOLOGY)
        ),
    ]


def main() -> None:
    """Print the table."""
    sys.stdout.write("\n".join(table()) + "\n")


if __name__ == "__main__":
    main()
