"""Simulated score landscapes for comparing samplers: drawn from measured curves, or analytic.

A landscape returns at once the score of a configuration after each epoch of its training. A
measured one is a draw from the posterior of Gaussian processes over the curves written by
``research.early_look_correlation``: another draw for every seed, since sixty trainings determine
little between them, and a conclusion must hold for every landscape that agrees with them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.stats import spearmanr

from fieldsharp.model.registry import loss_variant
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange, Scalar
from fieldsharp.sweep.configuration.settings import DEFAULT_SPACE

Array = NDArray[np.float64]
Values = Mapping[str, Scalar]

WHOLE = 12
"""Epochs of a whole training."""
COMPONENTS = 6
FREQUENCIES = 150
SCORE_OFFSET = 0.02
WORST_VIOLATION = 1.0


@dataclass(frozen=True)
class Outcome:
    """Scores and guard violations of one simulated training, by epoch.

    Attributes:
        scores: After each epoch, with noise.
        violations: The largest over all guards; above 0 one is broken.
        true_score: After the last epoch, without the noise of this one training.
        true_violation: Likewise.
    """

    scores: Array
    violations: Array
    true_score: float
    true_violation: float


class Landscape(Protocol):
    """Simulates trainings of configurations."""

    def train(self, values: Values, rng: np.random.Generator) -> Outcome:
        """Return the simulated training of a configuration."""
        ...

    def true(self, many: Sequence[Values]) -> Array:
        """Return noise-free last scores of configurations, infinite where a guard breaks."""
        ...


@dataclass(frozen=True)
class Known:
    """A measured curve.

    Attributes:
        values: Searched parameters of the training.
        scores: After each epoch.
        violations: The largest over all guards, after each epoch.
    """

    values: Values
    scores: Sequence[float]
    violations: Sequence[float]


def variants() -> tuple[str, ...]:
    """Return the loss variants of the search."""
    searched = DEFAULT_SPACE["loss_variant"]
    assert isinstance(searched, Choices)
    return tuple(str(choice) for choice in searched.choices)


def features(values: Values) -> Array:
    """Return weight, learning rate, warm-up and steps, each from 0 to 1."""
    row = []
    for name in ("gradient_weight", "learning_rate", "warmup_fraction"):
        searched = DEFAULT_SPACE[name]
        assert isinstance(searched, NumberRange)
        low, high, value = float(searched.low), float(searched.high), float(values[name])
        if searched.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        row.append((value - low) / (high - low))
    return np.array([*row, float(values["multi_step"] == "all")])


def _rows(known: Sequence[Known]) -> Array:
    """Return the modelled rows: scores on a logarithmic scale, then squeezed violations."""
    scores = np.array([[math.log(s + SCORE_OFFSET) for s in one.scores] for one in known])
    return np.hstack([scores, np.array([_squeezed(one.violations) for one in known])])


def _squeezed(violations: Sequence[float]) -> list[float]:
    return [math.tanh(v / WORST_VIOLATION) for v in violations]


@dataclass(frozen=True)
class _Process:
    """A Gaussian process with variances shared by all variants, by a kind, and per variant."""

    shared: float
    kind: float
    own: float
    noise: float
    lengths: Array

    def kernel(self, a: "_Points", b: "_Points") -> Array:
        gap = (a.numbers[:, None, :] - b.numbers[None, :, :]) / self.lengths
        near = np.exp(-0.5 * (gap**2).sum(axis=-1))
        same_kind = a.kinds[:, None] == b.kinds[None, :]
        same = a.names[:, None] == b.names[None, :]
        covariance: Array = self.shared * near
        covariance += (self.kind * same_kind + self.own * same) * (0.5 + 0.5 * near)
        return covariance


@dataclass(frozen=True)
class _Points:
    numbers: Array
    names: NDArray[np.int_]
    kinds: NDArray[np.bool_]


def _points(many: Sequence[Values]) -> _Points:
    named = [str(values["loss_variant"]) for values in many]
    return _Points(
        np.array([features(values) for values in many]),
        np.array([variants().index(name) for name in named]),
        np.array([loss_variant(name).sharpens for name in named]),
    )


def _fitted(points: _Points, y: Array) -> _Process:
    """Return the process of maximum posterior likelihood, with a weak prior."""

    def process(theta: Array) -> _Process:
        shared, kind, own, noise = np.exp(2 * theta[:4])
        return _Process(shared, kind, own, noise, np.exp(theta[4:]))

    def unlikelihood(theta: Array) -> float:
        at = process(theta)
        covariance = at.kernel(points, points) + (at.noise + 1e-6) * np.eye(len(y))
        try:
            factor = cho_factor(covariance, lower=True)
        except np.linalg.LinAlgError:
            return 1e10
        fit = 0.5 * y @ cho_solve(factor, y) + np.log(np.diag(factor[0])).sum()
        prior = 0.5 * ((theta[:4] - math.log(0.5)) ** 2).sum() / 1.0
        prior += 0.5 * ((theta[4:] - math.log(0.6)) ** 2).sum() / 0.5
        return float(fit + prior)

    start = np.log(np.array([0.5, 0.5, 0.5, 0.3, 0.6, 0.6, 1.0, 1.0]))
    return process(minimize(unlikelihood, start, method="L-BFGS-B", options={"maxiter": 60}).x)


class Measured:
    """The posterior over landscapes given measured curves.

    Args:
        known: Finished curves.
        baseline: Curve of the training without any term, the limit of every variant as its
            weight goes to 0.
    """

    def __init__(self, known: Sequence[Known], baseline: Known | None = None) -> None:
        self.known = known
        self.epochs = len(known[0].scores)
        rows = _rows(known)
        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        whole = (rows - self._mean) / self._scale
        _, sizes, directions = np.linalg.svd(whole, full_matrices=False)
        count = min(COMPONENTS, len(sizes))
        self._directions = directions[:count]
        self._levels = whole @ self._directions.T
        self._sizes = self._levels.std(axis=0) + 1e-9
        self._rest = (whole - self._levels @ self._directions).std(axis=0)
        self.points = _points([one.values for one in known])
        self._y = self._levels / self._sizes
        self.processes = [_fitted(self.points, y) for y in self._y.T]
        if baseline is not None:
            at_zero = [{**baseline.values, "loss_variant": name} for name in variants()]
            self.points = _points([*(one.values for one in known), *at_zero])
            level = ((_rows([baseline]) - self._mean) / self._scale) @ self._directions.T
            self._y = np.vstack([self._y, np.repeat(level / self._sizes, len(at_zero), axis=0)])

    def draw(self, rng: np.random.Generator) -> "Drawn":
        """Draw a landscape that agrees with the measured curves."""
        draws = []
        for process, y in zip(self.processes, self._y.T, strict=True):
            prior = _Prior.draw(process, rng)
            noise = math.sqrt(process.noise) * rng.standard_normal(len(y))
            covariance = process.kernel(self.points, self.points)
            covariance += (process.noise + 1e-6) * np.eye(len(y))
            left = y - prior(self.points) - noise
            draws.append((process, prior, cho_solve(cho_factor(covariance, lower=True), left)))
        return Drawn(self, draws)

    def rows(self, levels: Array, rng: np.random.Generator | None) -> Array:
        """Return scores and violations for component levels, with noise if ``rng`` is given."""
        whole: Array = (levels * self._sizes) @ self._directions
        if rng is not None:
            whole = whole + self._rest * rng.standard_normal(whole.shape)
        found: Array = whole * self._scale + self._mean
        return found

    def agreement(self) -> dict[str, float]:
        """Return how well a left-out configuration is predicted by the others.

        R2 and Spearman's correlation of the last score, and the share of guards predicted.
        """
        rows, predicted = _rows(self.known), []
        for out in range(len(self.known)):
            levels = []
            rest = np.arange(len(self._y)) != out
            points = _Points(*(part[rest] for part in vars(self.points).values()))
            here = _Points(*(part[[out]] for part in vars(self.points).values()))
            for process, y in zip(self.processes, self._y.T, strict=True):
                covariance = process.kernel(points, points) + process.noise * np.eye(rest.sum())
                levels.append(process.kernel(here, points) @ np.linalg.solve(covariance, y[rest]))
            predicted.append(self.rows(np.array(levels).T, None)[0])
        guess, last = np.array(predicted), self.epochs - 1
        wrong = ((guess[:, last] - rows[:, last]) ** 2).mean()
        broken = (rows[:, -1] > 0) == (guess[:, -1] > 0)
        return {
            "R2": 1 - wrong / rows[:, last].var(),
            "rank correlation": float(spearmanr(guess[:, last], rows[:, last]).statistic),
            "guards": float(broken.mean()),
            "broken": float((rows[:, -1] > 0).mean()),
        }


@dataclass(frozen=True)
class _Prior:
    """A draw from the prior of a process, as a sum of random cosines."""

    frequencies: Array
    phases: Array
    weights: Array
    levels: Array

    @classmethod
    def draw(cls, process: _Process, rng: np.random.Generator) -> "_Prior":
        # Functions: one shared, one for each kind (blurs, sharpens), one for each variant.
        count = 3 + len(variants())
        frequencies = rng.standard_normal((count, FREQUENCIES, 4)) / process.lengths
        sizes = np.array(
            [process.shared, *[process.kind / 2] * 2, *[process.own / 2] * (count - 3)]
        )
        weights = rng.standard_normal((count, FREQUENCIES))
        weights *= np.sqrt(2 * sizes / FREQUENCIES)[:, None]
        levels = rng.standard_normal(count) * np.sqrt(sizes)
        levels[0] = 0.0
        return cls(frequencies, rng.uniform(0, 2 * math.pi, (count, FREQUENCIES)), weights, levels)

    def __call__(self, points: _Points) -> Array:
        total = np.zeros(len(points.names))
        for functions in (np.zeros_like(points.names), 1 + points.kinds, 3 + points.names):
            angles = np.einsum("nfd,nd->nf", self.frequencies[functions], points.numbers)
            waves = np.cos(angles + self.phases[functions])
            total += (self.weights[functions] * waves).sum(axis=1) + self.levels[functions]
        return total


class Drawn:
    """A landscape drawn from the posterior of measured curves."""

    def __init__(self, measured: Measured, draws: Sequence[tuple[_Process, _Prior, Array]]) -> None:
        self._measured = measured
        self._draws = draws

    def _levels(self, many: Sequence[Values]) -> Array:
        """Return the level of each component for each configuration."""
        points = _points(many)
        return np.array(
            [
                prior(points) + process.kernel(points, self._measured.points) @ left
                for process, prior, left in self._draws
            ]
        ).T

    def true(self, many: Sequence[Values]) -> Array:
        """Return noise-free last scores of configurations, infinite where a guard breaks."""
        rows = self._measured.rows(self._levels(many), None)
        scores = np.maximum(np.exp(rows[:, self._measured.epochs - 1]) - SCORE_OFFSET, 0.0)
        return np.where(rows[:, -1] > 0, np.inf, scores)

    def train(self, values: Values, rng: np.random.Generator) -> Outcome:
        """Return the simulated training of a configuration."""
        (levels,) = self._levels([values])
        noise = np.array([math.sqrt(process.noise) for process, _, _ in self._draws])
        noisy = self._measured.rows(levels + noise * rng.standard_normal(len(noise)), rng)
        true = self._measured.rows(levels, None)
        epochs = self._measured.epochs
        return Outcome(
            np.maximum(np.exp(noisy[:epochs]) - SCORE_OFFSET, 0.0),
            noisy[epochs:],
            max(math.exp(true[epochs - 1]) - SCORE_OFFSET, 0.0),
            float(true[-1]),
        )


class Analytic:
    """A landscape by formula, after the theory of loss weights and sharpening losses.

    A variant that cannot sharpen leaves the baseline's blur, whatever its weight. One that can
    takes it away as its weight grows towards an optimum of its own, beyond which it breaks a guard;
    the learning rate has one optimum for all, and too low a rate is blur as well. The
    noise of early epochs shrinks towards the last.

    Args:
        rng: Draws the optima: another landscape for every seed.
    """

    BLUR = 0.29

    def __init__(self, rng: np.random.Generator) -> None:
        self._optimum = dict(zip(variants(), rng.uniform(0.35, 0.9, len(variants())), strict=True))
        self._best = dict(zip(variants(), rng.uniform(0.0, 0.18, len(variants())), strict=True))
        self._rate = rng.uniform(0.4, 0.8)
        self._noise = 0.01

    def true(self, many: Sequence[Values]) -> Array:
        """Return noise-free last scores of configurations, infinite where a guard breaks."""
        found = [self._true(values) for values in many]
        return np.array([np.inf if violation > 0 else score for score, violation in found])

    def _true(self, values: Values) -> tuple[float, float]:
        weight, rate, warmup, steps = features(values)
        name = str(values["loss_variant"])
        slow = 0.25 * (rate - self._rate) ** 2 + 0.02 * warmup + 0.01 * (1 - steps)
        if not loss_variant(name).sharpens:
            return float(self.BLUR + 0.03 * weight + slow), -0.3
        done = min(1.0, max(0.0, weight / self._optimum[name]))
        score = self.BLUR + (self._best[name] - self.BLUR) * done**2
        return float(score + slow), float(2.0 * (weight - self._optimum[name]) - 0.15)

    def train(self, values: Values, rng: np.random.Generator) -> Outcome:
        """Return the simulated training of a configuration."""
        true, violation = self._true(values)
        epochs = np.arange(1, WHOLE + 1)
        early = 1 - epochs / WHOLE
        shown = true + 0.15 * early**2 * (rng.standard_normal() + 0.5 * rng.standard_normal(WHOLE))
        shown += self._noise * rng.standard_normal(WHOLE)
        broken = violation + 0.2 * early * rng.standard_normal(WHOLE)
        return Outcome(np.maximum(shown, 0.0), broken, max(true, 0.0), violation)
