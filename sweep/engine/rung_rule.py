"""The protocol of rules that pause trials at rungs, and how the one of a study is made.

A new rule is a class in a file of its own and a line in ``PRUNERS`` of
``sweep/configuration/search_methods.py``.
"""

from collections.abc import Collection, Sequence
from typing import Protocol, Self

from fieldsharp.model.registry import load
from fieldsharp.sweep.configuration.search_methods import PRUNERS
from fieldsharp.sweep.configuration.settings import SearchSettings, SweepConfig
from fieldsharp.sweep.configuration.space import rungs
from fieldsharp.sweep.engine.asha import Asha
from fieldsharp.sweep.study.rung_results import RungResult


class RungRule(Protocol):
    """Decides which trials go on beyond a rung, from the results there.

    Trials and rungs are numbers: of the trial, and of the epochs after which it is at the rung.
    ``running`` are the trials in training, ``new`` is how many trials are still to be started.

    Attributes:
        rungs: Rising.
    """

    rungs: tuple[int, ...]

    @classmethod
    def from_settings(cls, search: SearchSettings, rungs: Sequence[int]) -> Self:
        """Return the rule with these settings."""
        ...

    def add_result(self, number: int, result: RungResult) -> None:
        """Take in the result of a trial at a rung; a second one for the same rung is ignored."""
        ...

    def add_baseline(self, result: RungResult) -> None:
        """Take in the result of the baseline at a rung."""
        ...

    def has_result(self, number: int, rung: int) -> bool:
        """Return whether the result of a trial at a rung is known."""
        ...

    def next_rung(self, number: int, epochs: int) -> int | None:
        """Return the next rung of a trial of so many epochs in all, None if there is none."""
        ...

    def promotes(self, number: int, rung: int, running: Collection[int], new: int) -> bool:
        """Return whether a trial at a rung goes on at once."""
        ...

    def pause(self, number: int, rung: int) -> None:
        """Note that a trial is paused at a rung."""
        ...

    def remove(self, number: int) -> None:
        """Note that a trial is not paused any more."""
        ...

    def next_promoted(self, running: Collection[int], new: int) -> int | None:
        """Return a paused trial that goes on now, None if there is none."""
        ...

    def hopeless(self, running: Collection[int], new: int) -> list[int]:
        """Return the paused trials that are given up."""
        ...


def make_rung_rule(config: SweepConfig) -> RungRule:
    """Return the rule of a study; one without rungs if its trials are not paused.

    Before their length is known they have none either.
    """
    path = PRUNERS[config.pruner].rung_rule
    if path is None or config.training.length != "fixed":
        return Asha.from_settings(config.search, ())
    rule: type[RungRule] = load(path, "search.pruner")
    return rule.from_settings(config.search, rungs(config.search, config.training.epochs))
