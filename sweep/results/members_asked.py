"""Which members of an ensemble a forecast has, and whether a run draws any."""

from dataclasses import dataclass

import numpy as np

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.core.memory import available_memory
from fieldsharp.model.predictors.interface import ForecastShape, MemberForecasting
from fieldsharp.sweep.results.run_folder import TrainedRun

LARGEST = 2**31 - 1
"""Of seeds as of a training, and of the numbers of members in a file."""
BYTES_WRITTEN = 12
"""Of memory for each value of each member: the forecast, the array of all members, and a copy."""
BYTES_ROLLED_OUT, BYTES_SHARPENED = 48, 128
"""Of memory for each value of the one member that is at work, without and with a sharpener."""


@dataclass(frozen=True)
class MembersAsked:
    """Which members a forecast has: so many from number 0 on.

    Attributes:
        count: How many; None for one forecast that is no member among others.
        seed: Of their draws; None for the seed of the training.

    Raises:
        ConfigError: If either is no number that it can be.
    """

    count: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        for option, number, least in (("--members", self.count, 1), ("--seed", self.seed, 0)):
            if number is not None and not _is_whole(number, least):
                raise ConfigError(
                    f"{option} must be a whole number from {least} to {LARGEST}, found {number!r}"
                )

    @property
    def drawn(self) -> int:
        """How many forecasts are made."""
        return self.count or 1

    def seed_of_draws(self, trained: TrainedRun) -> int | None:
        """Return the seed that members are drawn with; None for a run that draws none.

        Raises:
            ConfigError: If members or a seed are asked of a run that draws none.
        """
        if isinstance(trained.predictor, MemberForecasting):
            return trained.run.training.seed if self.seed is None else self.seed
        options = [f"--members {self.count}"] if self.count not in (None, 1) else []
        options += [f"--seed {self.seed}"] if self.seed is not None else []
        if options:
            raise ConfigError(
                f"{' and '.join(options)} can be given for an ensemble alone, and the predictor of "
                f"this run, {trained.run.predictor.name}, makes a single forecast; leave "
                f"{'them' if len(options) > 1 else 'it'} out, or train a run with predictor.name "
                "ensemble"
            )
        return None

    def require_memory(self, steps: int, shape: ForecastShape, sharpened: bool) -> None:
        """Check that a forecast of so many frames can be held.

        Args:
            steps: Frames to predict.
            shape: Of what the predictor forecasts.
            sharpened: Whether it has a sharpener.

        Raises:
            DataError: If it cannot.
        """
        values = steps * shape.channels * shape.height * shape.width
        available = available_memory()
        at_work = BYTES_SHARPENED if sharpened else BYTES_ROLLED_OUT
        needed = values * (BYTES_WRITTEN * self.drawn + at_work)
        if needed <= available:
            return
        several = f" of each of {self.count} members" if self.count is not None else ""
        fitting = (available // values - at_work) // BYTES_WRITTEN
        if self.count is not None and fitting >= 1:
            advice = f"ask for at most {fitting} members, or for fewer frames"
        else:
            advice = f"ask for fewer frames{' and members' if several else ''}"
        raise DataError(
            f"{steps} frames{several} take up to {needed / 2**30:.3g} GiB, and there are "
            f"{available / 2**30:.3g} GiB of memory; {advice}"
        )


def _is_whole(number: object, least: int) -> bool:
    if not isinstance(number, int | np.integer) or isinstance(number, bool):
        return False
    return least <= int(number) <= LARGEST
