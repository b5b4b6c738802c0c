"""Optuna's private types, attribute keys and functions, under public names of this program."""

import json
from abc import ABC, abstractmethod
from collections.abc import Container
from dataclasses import asdict

import numpy as np
from optuna.artifacts._upload import ARTIFACTS_ATTR_PREFIX, ArtifactMeta
from optuna.study import Study
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.study._frozen import FrozenStudy as FrozenStudy
from optuna.study._multi_objective import _fast_non_domination_rank
from optuna.trial import FrozenTrial, Trial, TrialState

QUEUED_PARAMETERS = "fixed_params"
"""System attribute with the parameters that a trial was queued with."""


def id_of_study(study: Study | FrozenStudy) -> int:
    """Return the primary key of a study in its database."""
    return study._study_id


def id_of_trial(trial: Trial | FrozenTrial) -> int:
    """Return the primary key of a trial in its database; unlike its number, across studies."""
    return trial._trial_id


def constraint_attribute(name: str) -> str:
    """Return the system attribute that ``Trial.set_constraint`` writes a constraint to."""
    return f"{_CONSTRAINTS_KEY}:{name}"


def is_constraint_attribute(name: str) -> bool:
    """Return whether a system attribute holds a constraint, or all constraints of a trial."""
    return name.startswith(_CONSTRAINTS_KEY)


def artifact_attribute(artifact_id: str) -> str:
    """Return the system attribute that describes an artifact of a trial or a study."""
    return f"{ARTIFACTS_ATTR_PREFIX}{artifact_id}"


def artifact_description(artifact_id: str, filename: str, mimetype: str) -> str:
    """Return the value of that attribute, as ``optuna.artifacts.upload_artifact`` writes it."""
    return json.dumps(asdict(ArtifactMeta(artifact_id, filename, mimetype, None)))


def non_domination_ranks(values_NV: np.ndarray) -> np.ndarray:
    """Return the Pareto front that each of N points is in, from 0; V values each, to minimise."""
    return _fast_non_domination_rank(values_NV)


class FilteredStudy(Study, ABC):
    """A study that shows samplers and importance evaluators other trials than its database has.

    It shares the storage, and the cache of trials, with the study that it is made from.

    Args:
        study: The study as it is stored.
    """

    def __init__(self, study: Study) -> None:
        # Not vars(): the studies that Optuna makes for Hyperband refuse most attributes.
        self.__dict__.update(object.__getattribute__(study, "__dict__"))
        self._stored = study

    @abstractmethod
    def visible_trials(
        self, stored: list[FrozenTrial], states: Container[TrialState] | None
    ) -> list[FrozenTrial]:
        """Return the trials to show.

        Args:
            stored: All trials of the study, in the order of their numbers.
            states: Only trials in these states, as they are shown; None for all.
        """

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002 - Optuna's signature
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        stored = self._stored._get_trials(deepcopy=False, use_cache=use_cache)
        return self.visible_trials(stored, states)

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the visible trials, which are not to be changed."""
        return self._get_trials(deepcopy, states)
