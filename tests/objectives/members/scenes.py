"""Simulated fields whose futures can be drawn from their true distribution, given what is known.

Shape legend: M draw, B window, T lead, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fieldsharp.fields.masked_statistics import Climatology, climatology_of
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.trials.member_references import DrawnFields, dressed

Floats = NDArray[np.float64]
SIZE, LEADS = 20, 2
CELLS = 9
DRAWS_OF_MEAN = 60
TRAINING = 40
"""Windows that nothing is judged on: for climatology and references."""


@dataclass(frozen=True)
class Futures:
    """What is known at the start of each window, and draws of what may come.

    Attributes:
        last_BHW: The last known frame.
        draws_MBTHW: Draws from the true distribution, the first of which is what was observed.
    """

    last_BHW: Floats
    draws_MBTHW: Floats


World = Callable[[np.random.Generator, int, int], Futures]
"""From random numbers, windows and draws of each to what may come."""


def _waves(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> Floats:
    """Return smooth Gaussian fields of variance 1 on a periodic grid."""
    ky, kx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    amplitude = (1.0 + (2 * np.pi * length) ** 2 * (ky**2 + kx**2)) ** -1.5
    amplitude[0, 0] = 0.0
    white = np.fft.rfft2(rng.standard_normal((*shape, SIZE, SIZE)))
    field: Floats = np.fft.irfft2(amplitude * white, s=(SIZE, SIZE))
    share = np.fft.fft2(np.fft.irfft2(amplitude, s=(SIZE, SIZE)))
    field /= np.sqrt((np.abs(share) ** 2).mean())
    return field


def _moved(field_HW: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return periodic fields moved by any number of cells."""
    ky, kx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    turn = np.exp(-2j * np.pi * (ky * rows[..., None, None] + kx * columns[..., None, None]))
    moved: Floats = np.fft.irfft2(turn * np.fft.rfft2(field_HW), s=(SIZE, SIZE))
    return moved


def plumes(rng: np.random.Generator, windows: int, draws: int) -> Futures:
    """Log-normal fields in a wind that is half known, and in which new plumes arise."""
    now_BHW = _waves(rng, (windows,), 2.0)
    frames, waves = [], np.broadcast_to(now_BHW, (draws, *now_BHW.shape))
    for _ in range(LEADS):
        step = rng.standard_normal((2, draws, windows))
        way = _moved(waves, 1.0 + 1.2 * step[0], 2.0 + 1.2 * step[1])
        waves = 0.95 * way + np.sqrt(1 - 0.95**2) * _waves(rng, (draws, windows), 2.0)
        frames.append(waves)
    return Futures(10 * np.exp(0.6 * now_BHW), 10 * np.exp(0.6 * np.stack(frames, axis=2)))


def showers(rng: np.random.Generator, windows: int, draws: int) -> Futures:
    """Rain from nine cells in each window, each of which moves and grows by itself; often 0."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    place = rng.uniform(0, SIZE, (2, windows, CELLS))
    width, height = rng.uniform(1.6, 2.6, (windows, CELLS)), rng.gamma(4.0, 1.5, (windows, CELLS))

    def rain(place_BN: Floats, height_BN: Floats) -> Floats:
        total = np.zeros((*place_BN.shape[1:-1], SIZE, SIZE))
        for n in range(CELLS):
            away = [
                (axis - place_BN[i][..., n, None, None] + SIZE / 2) % SIZE - SIZE / 2
                for i, axis in enumerate((y, x))
            ]
            square = (away[0] ** 2 + away[1] ** 2) / width[:, n, None, None] ** 2
            total += height_BN[..., n, None, None] * np.exp(-square / 2)
        return np.maximum(total - 0.5, 0.0)

    frames = []
    moved, grown = np.broadcast_to(place[:, None], (2, draws, windows, CELLS)), np.ones(1)
    for _ in range(LEADS):
        moved = moved + 1.5 + 1.3 * rng.standard_normal(moved.shape)
        grown = grown * np.exp(0.25 * rng.standard_normal(moved.shape[1:]) - 0.25**2 / 2)
        frames.append(rain(moved, height * grown))
    return Futures(rain(place, height), np.stack(frames, axis=2))


def gaussian(rng: np.random.Generator, windows: int, draws: int) -> Futures:
    """Gaussian fields of which long waves are known longer than short ones, alike in any window."""
    return _waves_half_known(rng, draws, np.full(windows, 0.15))


def weather(rng: np.random.Generator, windows: int, draws: int) -> Futures:
    """The same, where much is known in one window and little in the next."""
    return _waves_half_known(rng, draws, rng.choice([0.08, 1.0], windows))


def _waves_half_known(rng: np.random.Generator, draws: int, known_B: Floats) -> Futures:
    k = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None])
    now_BHW = _waves(rng, known_B.shape, 1.5)
    frames, waves = [], np.broadcast_to(now_BHW, (draws, *now_BHW.shape))
    keep = np.exp(-k / known_B[:, None, None])
    for _ in range(LEADS):
        new = np.fft.rfft2(_waves(rng, (draws, *known_B.shape), 1.5)) * np.sqrt(1 - keep**2)
        waves = np.fft.irfft2(keep * np.fft.rfft2(waves) + new, s=(SIZE, SIZE))
        frames.append(waves)
    return Futures(285 + 4 * now_BHW, 285 + 4 * np.stack(frames, axis=2))


WORLDS: Mapping[str, World] = {
    "plumes": plumes,
    "showers": showers,
    "weather": weather,
    "gaussian": gaussian,
}


@dataclass(frozen=True)
class Scene:
    """Windows that ensembles are judged on.

    Attributes:
        members_KBTHW: The perfect ensemble: drawn from the distribution the truth was drawn from.
        mean_BTHW: The conditional mean: the baseline.
        truth_BTHW: What was observed.
        last_BHW: The last known frame.
        errors_ETHW: Of the conditional mean in other windows.
        others_ETHW: What was observed in other windows.
    """

    members_KBTHW: Floats
    mean_BTHW: Floats
    truth_BTHW: Floats
    last_BHW: Floats
    errors_ETHW: Floats
    others_ETHW: Floats
    mask_HW: torch.Tensor
    climatology: Climatology

    @property
    def windows(self) -> int:
        return len(self.truth_BTHW)

    def batch(self, forecast_BTHW: Floats) -> VerificationBatch:
        truth = _tensor(self.truth_BTHW)
        return VerificationBatch(
            pred_BTCHW=_tensor(forecast_BTHW),
            target_BTCHW=truth,
            persistence_BTCHW=_tensor(self.last_BHW[:, None]).expand_as(truth),
            mask_HW=self.mask_HW,
            climatology=self.climatology,
        )

    def baseline(self) -> MetricValues:
        """Return the metrics of the conditional mean."""
        verification = Verification(detail=False)
        verification.add(self.batch(self.mean_BTHW))
        return verification.metric_values()

    def variation(self) -> FieldVariation:
        """Return how much the truth varies."""
        batch = self.batch(self.truth_BTHW)
        found = TruthVariation(self.windows)
        found.add(batch, torch.arange(self.windows))
        return found.variation(batch.truth.cells_BTCN[:, 0].flatten(1))

    def verify(self, members_KBTHW: Floats) -> EnsembleVerification:
        """Return the statistics of an ensemble."""
        verification = EnsembleVerification(detail=False)
        members = torch.stack([_tensor(one) for one in members_KBTHW], dim=1)
        verification.add(members, self.batch(members_KBTHW[0]), range(self.windows))
        return verification

    def judge(self, members_KBTHW: Floats) -> MetricValues:
        """Return the metrics of an ensemble."""
        return self.verify(members_KBTHW).metric_values()

    def reference(self, name: str, seed: int = 0) -> Floats:
        """Return the members of an ensemble without training."""
        drawn = {
            DRESSED: lambda: dressed(lambda history: history, _tensor(self.errors_ETHW)),
            CLIMATOLOGY: lambda: DrawnFields(
                len(self.others_ETHW), lambda _, which: _tensor(self.others_ETHW)[which]
            ),
        }[name]()
        draws = MemberDraws(seed, range(len(self.members_KBTHW)), range(self.windows))
        members_BKTCHW = drawn.forecast_drawn(_tensor(self.mean_BTHW), draws)
        return members_BKTCHW[:, :, :, 0].transpose(0, 1).numpy()


def scene(
    world: str, seed: int, *, windows: int = 40, members: int = 8, masked: bool = False
) -> Scene:
    """Return windows of a simulated field, each a case of its own."""
    rng = np.random.default_rng([seed, *map(ord, world)])
    drawn = WORLDS[world](rng, windows + TRAINING, DRAWS_OF_MEAN + members + 1)
    draws_MBTHW = drawn.draws_MBTHW
    mean_BTHW = draws_MBTHW[members + 1 :].mean(axis=0)
    judged, rest = slice(windows), slice(windows, None)
    y, x = np.mgrid[:SIZE, :SIZE]
    mask_HW = (y + 4 * np.sin(x / 4) > 7) if masked else np.ones((SIZE, SIZE), dtype=bool)
    others_ETHW = draws_MBTHW[0, rest]
    return Scene(
        members_KBTHW=draws_MBTHW[1 : members + 1, judged],
        mean_BTHW=mean_BTHW[judged],
        truth_BTHW=draws_MBTHW[0, judged],
        last_BHW=drawn.last_BHW[judged],
        errors_ETHW=others_ETHW - mean_BTHW[rest],
        others_ETHW=others_ETHW,
        mask_HW=torch.from_numpy(mask_HW),
        climatology=climatology_of(
            torch.from_numpy(others_ETHW.reshape(-1, 1, SIZE, SIZE)), torch.from_numpy(mask_HW)
        ),
    )


def _tensor(fields_BTHW: Floats) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(fields_BTHW))[:, :, None]
