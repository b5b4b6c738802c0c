"""The sampler passes the suite that Optuna tests its own samplers with."""

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler, TPESampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from fieldsharp.sweep.configuration.settings import SearchSettings
from fieldsharp.sweep.configuration.space import make_sampler
from fieldsharp.sweep.study.sampling.rung_aware_sampler import RungAwareSampler

pytestmark = [
    pytest.mark.outside,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


class TestOverTheSamplerOfASweep(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: RungAwareSampler(make_sampler(SearchSettings(), trials_so_far=0))


class TestOverASamplerOfJointChoices(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: RungAwareSampler(TPESampler(n_startup_trials=0, multivariate=True, seed=1))
