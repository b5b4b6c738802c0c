"""The verdict of a study, updated as its trials end, and the trials worth keeping."""

import logging
from collections.abc import Sequence

from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.limits.error_limit import rmse_multiples
from fieldsharp.objectives.targets import targets_already_reached
from fieldsharp.objectives.verdicts.compared_trials import ComparedTrials
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.frontier import targets_out_of_reach
from fieldsharp.sweep.study.leads import StoredLeads
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict import verdict_on
from fieldsharp.sweep.study.verdict_inputs import contender, results_by_variable, results_of

logger = logging.getLogger(__name__)


class VerdictTracker:
    """Updates the verdict of a study while its trials end.

    Args:
        repository: Stores the verdict.
        facts: Of the data.
    """

    def __init__(self, repository: StudyRepository, facts: DataSummary) -> None:
        self._repository = repository
        self._config = repository.config
        self._facts = facts
        self._compared = ComparedTrials(facts.targets)
        self._baseline: TrialRecord | None = None
        self._confirmation: Confirmation | None = None
        self._leads: StoredLeads | None = None
        self._sharp_before: list[int] = []
        self._verdict: Verdict | None = None
        self._needless = ""

    @property
    def facts(self) -> DataSummary:
        """What is known of the data."""
        return self._facts

    @facts.setter
    def facts(self, facts: DataSummary) -> None:
        self._facts = facts
        self._compared = ComparedTrials(facts.targets, self._compared)

    @property
    def needless(self) -> str:
        """Why no further trial can change the verdict; "" if one can."""
        return self._needless

    @property
    def verdict(self) -> Verdict | None:
        """The last verdict; None before the first."""
        return self._verdict

    def read(self) -> None:
        """Read the trials that have ended already, and what was confirmed of them."""
        self._compared = ComparedTrials(self._facts.targets, self._repository.contenders())
        self._baseline = self._repository.baseline()
        self._confirmation = self._repository.confirmation()

    def add(self, spec: TrialSpec, record: TrialRecord, *, is_complete: bool = True) -> None:
        """Add a trial that is complete, or was pruned."""
        self._compared.add(contender(spec, record, is_complete=is_complete))
        if spec.is_baseline and is_complete:
            self._baseline = record

    def conclude(self, finished: int) -> None:
        """Update the verdict.

        Args:
            finished: Trials of the budget that are used.
        """
        to_come = max(0, self._config.budget.trials - finished)
        results = results_of(
            self._compared,
            self._baseline,
            self._config,
            self._facts,
            to_come,
            confirmation=self._confirmation,
        )
        variables = results_by_variable(results, self._baseline, self._config, self._facts)
        leads = self._leads_of([results, *variables.values()], to_come)
        verdict = verdict_on(results, variables, self._config, leads)
        if verdict != self._verdict:
            self._repository.set_verdict(verdict)
            self._verdict = verdict
        self._needless = self._repository.why_settled(verdict)

    def _leads_of(self, of_all: Sequence[Contenders], to_come: int) -> StoredLeads | None:
        """Return the leads over the best reference, worked out where they may decide.

        That takes seconds: for each new trial that reaches the targets, and at the end.
        """
        sharp = [len(results.sharp) for results in of_all]  # trials are added, never removed
        if any(sharp) and (sharp != self._sharp_before or to_come == 0):
            self._leads = self._repository.leads()
            self._sharp_before = sharp
        return self._leads

    def wanted(self, count: int) -> list[int]:
        """Return the trials whose weights are kept: the best, and the baseline.

        Args:
            count: How many of the feasible ones, by score; 0 also drops the baseline, unless
                trials may go on from its weights.
        """
        keeps_baseline = count > 0 or self._config.starts_from_baseline
        kept = [*(self._compared.baselines if keeps_baseline else ())]
        return [c.number for c in (*kept, *self._compared.feasible[:count])]

    def warn_of_baseline(self, record: TrialRecord) -> None:
        """Warn if the baseline makes the search meaningless.

        If it meets the targets, breaks guards, or shows that they are out of reach.
        """
        study = self._config.study
        in_settings = self._config.data.predicted
        for name, setting in zip(self._facts.variables, in_settings, strict=True):
            of_variable = f"{study}: {name}" if self._facts.others else study
            facts = self._facts.of(name)
            for sentence in self._warnings(record.of(name), facts, setting or name):
                logger.warning("%s: %s", of_variable, sentence)
        # Those of the record: status, dashboard and report show them, and the verdict counts them.
        for guard in broken(record.guards):
            logger.warning(
                "%s: the baseline itself breaks the guard %s: %s", study, guard.name, guard.words
            )

    def _warnings(self, record: TrialRecord, facts: DataSummary, name: str) -> list[str]:
        """Return what makes a search for one variable meaningless.

        Args:
            record: Of the baseline, in the variable alone.
            facts: Of the variable alone.
            name: Of the variable in the settings, perhaps with its group or level.
        """
        objective, metrics = self._config.objective, record.metrics
        warnings = targets_already_reached(
            *(objective.targets, facts.targets, metrics["gradient"], metrics["peak"]), name
        )
        if record.frontier is not None:
            multiples = rmse_multiples(objective.guards, record.frontier, record.judgement)
            warnings += targets_out_of_reach(
                record.frontier, record.judgement, facts.targets, multiples
            )
        return warnings
