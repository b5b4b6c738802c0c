"""Three scenes with a known answer, and forecasts of them: honest ones, and ways to cheat.

Shape legend: B sample, T lead, C channel, M member, H rows, W columns, N valid cells, E pattern.
A cheat is scaled, at each lead by itself, until its mean gradient is 95 % of the observed, which is
what an automatic target asks; spikes then bring its peak there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from data.plume_settings import PlumeSettings
from data.plumes import simulate
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.masked_statistics import Climatology, climatology_of
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.frontier.statistics import FrontierStatistics
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.sharpness import mean_gradient, peak
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEADS_H = (2, 4, 6)
TARGET_SHARE = 0.95
UK_FILE = PROJECT / "data" / "uk_wfde5_hourly_2018_jun_jul.nc"


@dataclass(frozen=True)
class Scene:
    """What was observed, and forecasts of it that are what they seem.

    Attributes:
        truth_BTHW: Observed, physical units, 0 in masked cells like every field here.
        last_BHW: The last known frame.
        mean_BTHW: The conditional mean, the best in square error: the baseline.
        sharp_BTHW: As sharp as the truth, and where the mean says.
        late_BTHW: The truth, but half a lead earlier.
        sample_BTHW: Drawn from the distribution the truth was drawn from.
        unrelated_BTHW: Observed at other times.
        mask_HW: Cells that count.
        climatology: Of frames that are not judged.
    """

    truth_BTHW: Floats
    last_BHW: Floats
    mean_BTHW: Floats
    sharp_BTHW: Floats
    late_BTHW: Floats
    sample_BTHW: Floats
    unrelated_BTHW: Floats
    mask_HW: Bools
    climatology: Climatology

    def judge(self, forecast_BTHW: Floats) -> MetricValues:
        """Return what a forecast comes to."""
        verification = Verification(detail=False)
        verification.add(self._batch(forecast_BTHW))
        return verification.metric_values()

    def judge_in_detail(self, forecast_BTHW: Floats) -> MetricValues:
        """Return the same with the metrics that are computed after the last epoch alone."""
        verification = Verification()
        verification.add(self._batch(forecast_BTHW))
        return verification.metric_values()

    def variation(self) -> FieldVariation:
        """Return how much the truth varies in time."""
        batch = self._batch(self.truth_BTHW)
        variation = TruthVariation(len(self.truth_BTHW))
        variation.add(batch, torch.arange(len(self.truth_BTHW)))
        return variation.variation(batch.truth.cells_BTCN[:, 0].flatten(1))

    def frontier(self) -> Frontier:
        """Return the least error at each sharpness, from the conditional mean."""
        statistics = FrontierStatistics(len(self.truth_BTHW))
        statistics.add(self._batch(self.mean_BTHW))
        return statistics.frontier()

    def _batch(self, forecast_BTHW: Floats) -> VerificationBatch:
        last_B1CHW = _tensor(self.last_BHW[:, None])
        target_BTCHW = _tensor(self.truth_BTHW)
        return VerificationBatch(
            pred_BTCHW=_tensor(forecast_BTHW),
            target_BTCHW=target_BTCHW,
            persistence_BTCHW=last_B1CHW.expand_as(target_BTCHW),
            mask_HW=torch.from_numpy(self.mask_HW),
            climatology=self.climatology,
        )

    def gradient_T(self, forecast_BTHW: Floats) -> Floats:
        """Return the mean gradient at each lead."""
        mask_HW = torch.from_numpy(self.mask_HW)
        return np.asarray(mean_gradient(_tensor(forecast_BTHW), mask_HW).mean(dim=0))

    def peak_BT(self, forecast_BTHW: Floats) -> Floats:
        """Return the largest value of each frame."""
        return np.asarray(peak(_tensor(forecast_BTHW), torch.from_numpy(self.mask_HW)))


def _tensor(field_BTHW: Floats) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(field_BTHW))[:, :, None]


# --- The scenes -----------------------------------------------------------------------------------


def plume_scene(samples: int = 24, members: int = 50, seed: int = 5) -> Scene:
    """Return plumes from independent states, whose conditional mean is that of many futures."""
    settings = PlumeSettings(frames=400, seed=seed)
    run_THW = simulate(settings)["plume"].to_numpy().astype(np.float64)
    mask_HW = np.isfinite(run_THW[0])
    run_THW = np.where(mask_HW, run_THW, 0.0)
    world = _Plumes(settings, np.random.default_rng([seed, 99]))
    state = world.states(samples)
    truth_BTHW = world.future(state, (1, 2, 3, 4, 6))
    futures_MBTHW = np.stack([world.future(state, LEADS_H) for _ in range(members + 1)])
    usual = climatology_of(torch.from_numpy(run_THW[:, None]), torch.from_numpy(mask_HW))
    others = np.random.default_rng(seed).permutation(400)[: samples * len(LEADS_H)]
    return Scene(
        truth_BTHW=truth_BTHW[:, [1, 3, 4]] * mask_HW,
        last_BHW=world.concentration(state.waves_BK) * mask_HW,
        mean_BTHW=futures_MBTHW[1:].mean(axis=0) * mask_HW,
        sharp_BTHW=world.future(state, LEADS_H, surprises=False) * mask_HW,
        late_BTHW=truth_BTHW[:, :3] * mask_HW,
        sample_BTHW=futures_MBTHW[0] * mask_HW,
        unrelated_BTHW=run_THW[others].reshape(samples, len(LEADS_H), *mask_HW.shape),
        mask_HW=mask_HW,
        climatology=usual,
    )


@dataclass(frozen=True)
class _State:
    """Waves and gust, all that the future of the plumes depends on."""

    waves_BK: NDArray[np.complex128]
    gust_B2: Floats


class _Plumes:
    """The simulator's equations (see ``data.plumes``), run forward from any state."""

    def __init__(self, settings: PlumeSettings, rng: np.random.Generator) -> None:
        self.settings = settings
        self.rng = rng
        n = settings.size
        self.k_y = 2 * np.pi * np.fft.fftfreq(n)[:, None]
        self.k_x = 2 * np.pi * np.fft.rfftfreq(n)[None, :]
        length = (self.k_y**2 + self.k_x**2) * settings.length_cells**2
        self.amplitude = (1 + length) ** -1.5
        self.amplitude[0, 0] = 0.0
        self.amplitude[n // 2, :] = 0.0
        self.amplitude[:, -1] = 0.0

    def states(self, samples: int) -> _State:
        """Return independent states."""
        return _State(self._noise(samples), self.rng.standard_normal((samples, 2)))

    def future(self, state: _State, hours: tuple[int, ...], *, surprises: bool = True) -> Floats:
        """Return the plumes at these hours: one future, or what comes without any surprise."""
        frames = []
        for before, hour in pairwise((0, *hours)):
            state = self.later(state, hour - before, surprises=surprises)
            frames.append(self.concentration(state.waves_BK))
        return np.stack(frames, axis=1)

    def later(self, state: _State, hours: int, *, surprises: bool = True) -> _State:
        """Return the state some hours later, drawn as the simulator draws it hour by hour."""
        settings = self.settings
        keep_gust = math.exp(-1 / settings.wind_memory_h)
        shock = math.sqrt(1 - keep_gust**2) if surprises else 0.0
        gust, way = state.gust_B2, np.zeros_like(state.gust_B2)
        for _ in range(hours):
            way += (settings.mean_wind_x, settings.mean_wind_y) + settings.wind_spread * gust
            gust = keep_gust * gust + shock * self.rng.standard_normal(gust.shape)
        # Drift turns the phase of new waves too, and those are as likely in any phase: one renewal
        # for the whole time is the same as one each hour.
        drift_y = np.exp(-1j * self.k_y * way[:, 1, None, None])
        drift_x = np.exp(-1j * self.k_x * way[:, 0, None, None])
        waves = drift_y * drift_x * state.waves_BK
        if surprises:
            keep = math.exp(-hours / settings.renewal_h)
            waves = keep * waves + math.sqrt(1 - keep**2) * self._noise(len(waves))
        return _State(waves, gust)

    def concentration(self, waves_BK: NDArray[np.complex128]) -> Floats:
        """Return the plumes of these waves."""
        n, settings = self.settings.size, self.settings
        gauss = np.fft.irfft2(waves_BK, s=(n, n))
        gauss = gauss / gauss.std(axis=(1, 2), keepdims=True)
        plumes: Floats = settings.offset + settings.scale * np.exp(settings.log_spread * gauss)
        return plumes

    def _noise(self, samples: int) -> NDArray[np.complex128]:
        n = self.settings.size
        white: NDArray[np.complex128] = np.fft.rfft2(self.rng.standard_normal((samples, n, n)))
        return self.amplitude * white


TRAINED_SHARE = 0.7
PATTERNS = 25
HOURS_BETWEEN_STARTS = 6


def uk_scene(variable: str = "Qair") -> Scene:
    """Return a field over the UK: humidity (Qair) in g/kg, or temperature (Tair) in kelvin."""
    with xr.open_dataset(UK_FILE, engine="h5netcdf") as dataset:
        field_THW = dataset[variable].to_numpy().astype(np.float64)
    return pattern_scene(field_THW * (1e3 if variable == "Qair" else 1.0))


def pattern_scene(field_THW: Floats, frames_between_starts: int = HOURS_BETWEEN_STARTS) -> Scene:
    """Return an hourly field, forecast by least squares from its patterns.

    Strong patterns from all of them now and an hour ago and from the time of day, weak ones each
    from itself. Sharp is that forecast with every pattern as strong as it usually is; a sample, the
    forecast plus the error it made at another time. Cells that are not always known are masked.
    """
    rng = np.random.default_rng(3)
    mask_HW = np.asarray(np.isfinite(field_THW).all(axis=0))
    field_THW = np.where(mask_HW, field_THW, 0.0)
    trained = int(TRAINED_SHARE * len(field_THW))
    usual = climatology_of(torch.from_numpy(field_THW[:trained, None]), torch.from_numpy(mask_HW))
    usual_N = usual.mean_CHW.numpy()[0][mask_HW]
    departures_TN = field_THW[:, mask_HW] - usual_N
    products_NN = departures_TN[:trained].T @ departures_TN[:trained]
    patterns_EN = np.linalg.eigh(products_NN).eigenvectors.T[::-1]  # the strongest first
    strength_TE = departures_TN @ patterns_EN.T

    def grid(strength_E: Floats) -> Floats:
        field = np.zeros((*strength_E.shape[:-1], *mask_HW.shape))
        field[..., mask_HW] = strength_E @ patterns_EN + usual_N
        return field

    starts_B = np.arange(trained + 6, len(field_THW) - max(LEADS_H), frames_between_starts)
    mean, sharp, sample, unrelated = [], [], [], []
    for lead in LEADS_H:
        fitted_T = np.arange(1, trained - lead)
        forecast_TE = _least_squares(strength_TE, lead, fitted_T)
        errors_TE = strength_TE[fitted_T + lead] - forecast_TE[fitted_T]
        too_weak_E = strength_TE[:trained].std(axis=0) / forecast_TE[fitted_T].std(axis=0)
        mean.append(grid(forecast_TE[starts_B]))
        sharp.append(grid(forecast_TE[starts_B] * too_weak_E))
        sample.append(grid(forecast_TE[starts_B] + rng.choice(errors_TE, len(starts_B))))
        days_B = rng.integers(0, trained // 24 - 1, len(starts_B))
        unrelated.append(field_THW[24 * days_B + (starts_B + lead) % 24])  # the same time of day
    return Scene(
        truth_BTHW=field_THW[starts_B[:, None] + np.array(LEADS_H)],
        last_BHW=field_THW[starts_B],
        mean_BTHW=np.stack(mean, axis=1),
        sharp_BTHW=np.stack(sharp, axis=1),
        late_BTHW=field_THW[starts_B[:, None] + np.array(LEADS_H) // 2],
        sample_BTHW=np.stack(sample, axis=1),
        unrelated_BTHW=np.stack(unrelated, axis=1),
        mask_HW=mask_HW,
        climatology=usual,
    )


def _least_squares(strength_TE: Floats, lead: int, fitted_T: NDArray[np.int64]) -> Floats:
    """Return the forecast of every pattern, made at each hour for a lead in hours."""
    hour_T = 2 * np.pi * (np.arange(len(strength_TE)) + lead) / 24
    daily_TF = np.stack([f(n * hour_T) for f in (np.cos, np.sin) for n in (0, 1, 2)], axis=1)
    strong_TE = strength_TE[:, :PATTERNS]
    known_TF = np.concatenate([daily_TF, strong_TE, np.roll(strong_TE, 1, axis=0)], axis=1)
    known_TF = known_TF / (known_TF[fitted_T].std(axis=0) + 1.0)
    fitted_TF, later_TE = known_TF[fitted_T], strength_TE[fitted_T + lead]
    ridge = 1e-3 * len(fitted_T) * np.eye(known_TF.shape[1])
    weights = np.linalg.solve(fitted_TF.T @ fitted_TF + ridge, fitted_TF.T @ later_TE)
    forecast_TE: Floats = known_TF @ weights
    now_TE = strength_TE[fitted_T]
    own_E = (now_TE * later_TE).sum(axis=0) / (now_TE**2).sum(axis=0)
    forecast_TE[:, PATTERNS:] = (own_E * strength_TE)[:, PATTERNS:]
    return forecast_TE


# --- The cheats -----------------------------------------------------------------------------------


def sharpened(scene: Scene, added_BTHW: Floats, *, to_peak: bool = True) -> Floats:
    """Return the conditional mean plus as much of something as the gradient target asks for.

    Args:
        scene: Gives mean and target.
        added_BTHW: What is added.
        to_peak: Whether the highest cell of each frame is raised until the mean peak is reached.
    """
    return met(scene, lambda amount_T: scene.mean_BTHW + amount_T * added_BTHW, to_peak=to_peak)


def met(scene: Scene, forecast: Callable[[Floats], Floats], *, to_peak: bool = True) -> Floats:
    """Return a forecast with, at each lead, the least amount that meets the gradient target."""
    target_T = TARGET_SHARE * scene.gradient_T(scene.truth_BTHW)
    low_T, high_T = np.zeros(len(LEADS_H)), np.ones(len(LEADS_H))

    def made(amount_T: Floats) -> Floats:
        return forecast(amount_T[:, None, None]) * scene.mask_HW

    while (short_T := scene.gradient_T(made(high_T)) < target_T).any():
        high_T = np.where(short_T, 2 * high_T, high_T)
        if high_T.max() > 1e6:
            raise ValueError("no amount of this meets the gradient target")
    for _ in range(12):
        middle_T = (low_T + high_T) / 2
        short_T = scene.gradient_T(made(middle_T)) < target_T
        low_T, high_T = np.where(short_T, middle_T, low_T), np.where(short_T, high_T, middle_T)
    return with_spikes(scene, made(high_T)) if to_peak else made(high_T)


def with_spikes(scene: Scene, forecast_BTHW: Floats) -> Floats:
    """Return a forecast whose highest cells are raised until the mean peak meets the target."""
    usual = scene.truth_BTHW[..., scene.mask_HW].mean()
    observed_T = scene.peak_BT(scene.truth_BTHW).mean(axis=0)
    target_T = usual + TARGET_SHARE * (observed_T - usual)
    highest_BT = scene.peak_BT(forecast_BTHW)
    missing_T = (target_T - highest_BT.mean(axis=0)).clip(min=0.0)
    at_peak = scene.mask_HW & (forecast_BTHW >= highest_BT[..., None, None])
    return np.asarray(forecast_BTHW + at_peak * missing_T[:, None, None])


def noise_and_spike(scene: Scene) -> Floats:
    """Return blur, white noise and one spike."""
    return sharpened(scene, _white(scene))


def contrast_doubled(scene: Scene) -> Floats:
    """Return the blur with twice its contrast."""
    return (scene.mean_BTHW + _contrast(scene)) * scene.mask_HW


def contrast_restored(scene: Scene) -> Floats:
    """Return the blur with as much contrast as the gradient target asks for."""
    return sharpened(scene, _contrast(scene), to_peak=False)


def unrelated(scene: Scene) -> Floats:
    """Return what was observed at other times."""
    return scene.unrelated_BTHW


def salt_and_pepper(scene: Scene) -> Floats:
    """Return blur with 2 % of the cells too high or too low."""
    where_BTHW = np.random.default_rng(2).random(scene.mean_BTHW.shape)
    return sharpened(scene, 1.0 * (where_BTHW < 0.01) - 1.0 * (where_BTHW > 0.99))


def checkerboard(scene: Scene) -> Floats:
    """Return blur and a checkerboard, to which Sobel's operator is blind: twice the gradient."""
    y, x = _cell_numbers(scene)
    amplitude = 2.0 * scene.gradient_T(scene.truth_BTHW).mean()
    return np.asarray((scene.mean_BTHW + amplitude * (-1.0) ** (y + x)) * scene.mask_HW)


def blocks(scene: Scene) -> Floats:
    """Return blur and a checkerboard of 2 x 2 cells, which Sobel's operator sees."""
    y, x = _cell_numbers(scene)
    return sharpened(scene, np.broadcast_to((-1.0) ** (y // 2 + x // 2), scene.mean_BTHW.shape))


def stripes(scene: Scene) -> Floats:
    """Return blur and stripes three cells wide."""
    _, x = _cell_numbers(scene)
    return sharpened(scene, np.broadcast_to(np.cos(2 * np.pi * x / 3), scene.mean_BTHW.shape))


def better_with_detail_overdone(scene: Scene, amount: float) -> Floats:
    """Return a forecast near the truth, with the truth's finest detail on top."""
    detail = _detail(scene, scene.truth_BTHW, 0.7)
    return np.asarray((_near_truth(scene) + amount * detail) * scene.mask_HW)


def better_with_contrast_raised(scene: Scene, amount: float) -> Floats:
    """Return a forecast near the truth with larger departures from the climatology."""
    usual = scene.climatology.mean_CHW.numpy()
    return np.asarray((usual + (1.0 + amount) * (_near_truth(scene) - usual)) * scene.mask_HW)


def _near_truth(scene: Scene) -> Floats:
    return np.asarray(0.7 * scene.truth_BTHW + 0.3 * scene.mean_BTHW)


def ringing(scene: Scene) -> Floats:
    """Return blur with waves that run along coast and edge and fade inland."""
    distance_HW = ndimage.distance_transform_edt(np.pad(scene.mask_HW, 1))[1:-1, 1:-1]
    waves_HW = np.cos(2 * np.pi * distance_HW / 3) * np.exp(-distance_HW / 3)
    return sharpened(scene, np.broadcast_to(waves_HW, scene.mean_BTHW.shape))


def unsharp_narrow(scene: Scene) -> Floats:
    """Return blur with its finest detail overdone."""
    return sharpened(scene, _detail(scene, scene.mean_BTHW, 0.7))


def unsharp_wide(scene: Scene) -> Floats:
    """Return blur with its detail overdone, its peak as that comes out."""
    return sharpened(scene, _detail(scene, scene.mean_BTHW, 3.0), to_peak=False)


def unsharp_and_spike(scene: Scene) -> Floats:
    """Return the same with one cell raised until its peak is right too."""
    return with_spikes(scene, unsharp_wide(scene))


def noise_and_spike_on_the_coast(scene: Scene) -> Floats:
    """Return blur, little noise and a spike in a cell that no stencil of 3 x 3 sees."""
    seen_HW = ndimage.binary_dilation(_inland(scene.mask_HW), np.ones((3, 3)))
    unseen_N2 = np.argwhere(scene.mask_HW & ~seen_HW)
    if len(unseen_N2) == 0:
        raise ValueError("every cell is in a stencil of 3 x 3")
    return little_noise_and_spike(scene, unseen_N2[-1])


def noise_and_spike_inland(scene: Scene) -> Floats:
    """Return blur, little noise and a spike in a cell with eight valid neighbours."""
    inland_N2 = np.argwhere(_inland(scene.mask_HW))
    return little_noise_and_spike(scene, inland_N2[len(inland_N2) // 2])


def little_noise_and_spike(
    scene: Scene, cell_2: NDArray[np.int64], noise: float = 0.008, spike: float = 0.035
) -> Floats:
    """Return blur with noise, and one cell above the maximum of each frame, shares of the range."""
    value_range = scene.climatology.value_range
    noisy = (scene.mean_BTHW + noise * value_range * _white(scene)) * scene.mask_HW
    noisy[..., cell_2[0], cell_2[1]] = scene.peak_BT(noisy) + spike * value_range
    return noisy


def _inland(mask_HW: Bools) -> Bools:
    return np.asarray(ndimage.binary_erosion(mask_HW, np.ones((3, 3))))


def permuted(scene: Scene) -> Floats:
    """Return the right frames at the wrong times."""
    order_B = np.roll(np.arange(len(scene.truth_BTHW)), len(scene.truth_BTHW) // 2)
    return scene.truth_BTHW[order_B]


def frozen(scene: Scene) -> Floats:
    """Return the last known frame, repeated."""
    return np.repeat(scene.last_BHW[:, None], len(LEADS_H), axis=1)


def one_region(scene: Scene) -> Floats:
    """Return blur with the contrast raised in one region alone, the one with most cells."""
    height, width = scene.mask_HW.shape
    y, x = _cell_numbers(scene)
    region_HW = (y * 3 // height) * 3 + x * 3 // width
    inside_HW = region_HW == np.bincount(region_HW[scene.mask_HW]).argmax()
    anomaly = scene.mean_BTHW - scene.climatology.mean_CHW.numpy()
    return sharpened(scene, anomaly * inside_HW, to_peak=False)


def blend(scene: Scene) -> Floats:
    """Return blur and an unrelated real anomaly."""
    return sharpened(scene, scene.unrelated_BTHW - scene.climatology.mean_CHW.numpy())


def towards_a_member(scene: Scene) -> Floats:
    """Return blur on the way to one future of many."""
    return sharpened(scene, scene.sample_BTHW - scene.mean_BTHW)


def coloured_noise(scene: Scene) -> Floats:
    """Return blur and noise with the truth's own spectrum."""
    return sharpened(scene, _coloured(scene))


def missing_power(scene: Scene) -> Floats:
    """Return blur and noise with the power that it lacks, at each lead and wavenumber."""
    usual_HW = scene.climatology.mean_CHW.numpy()[0]

    def power_THW(field_BTHW: Floats) -> Floats:
        anomaly = (field_BTHW - usual_HW) * scene.mask_HW
        return np.asarray((np.abs(np.fft.fft2(anomaly)) ** 2).mean(axis=0))

    lacking_THW = (power_THW(scene.truth_BTHW) - power_THW(scene.mean_BTHW)).clip(min=0.0)
    amplitude_THW = np.sqrt(lacking_THW / scene.mask_HW.sum())
    noise = np.fft.ifft2(amplitude_THW * np.fft.fft2(_white(scene))).real
    return np.asarray((scene.mean_BTHW + noise) * scene.mask_HW)


def texture(scene: Scene) -> Floats:
    """Return blur under one and the same pattern with the truth's own spectrum."""
    pattern_HW = _coloured(scene)[0, 0]
    return sharpened(scene, np.broadcast_to(pattern_HW, scene.mean_BTHW.shape))


def every_other(scene: Scene) -> Floats:
    """Return blur, but for every other sample with too much contrast."""
    every_B = np.arange(len(scene.mean_BTHW)) % 2
    return sharpened(scene, _contrast(scene) * every_B[:, None, None, None], to_peak=False)


def _white(scene: Scene) -> Floats:
    return np.random.default_rng(1).standard_normal(scene.mean_BTHW.shape)


def _coloured(scene: Scene) -> Floats:
    """Return noise with the spectrum of the observed anomalies: their phases are drawn anew."""
    anomaly = (scene.truth_BTHW - scene.climatology.mean_CHW.numpy()) * scene.mask_HW
    power_HW = (np.abs(np.fft.fft2(anomaly)) ** 2).mean(axis=(0, 1))
    coloured = np.fft.ifft2(np.sqrt(power_HW) * np.fft.fft2(_white(scene))).real
    return np.asarray(coloured / coloured.std())


def _contrast(scene: Scene) -> Floats:
    """Return the departures of the blur from the mean of each frame."""
    mean_BT = scene.mean_BTHW[..., scene.mask_HW].mean(axis=-1)
    return np.asarray(scene.mean_BTHW - mean_BT[..., None, None])


def _detail(scene: Scene, field_BTHW: Floats, cells: float) -> Floats:
    """Return a field minus its average over that many cells around (Gaussian), over land alone."""
    width = (0.0, 0.0, cells, cells)
    weight = ndimage.gaussian_filter(1.0 * scene.mask_HW, cells, mode="constant")
    summed = ndimage.gaussian_filter(field_BTHW * scene.mask_HW, width, mode="constant")
    return np.asarray((field_BTHW - summed / np.maximum(weight, 1e-12)) * scene.mask_HW)


def _cell_numbers(scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells_2HW = np.indices(scene.mask_HW.shape)
    return cells_2HW[0], cells_2HW[1]


def at_one_lead(scene: Scene) -> Floats:
    """Return the honest sharp forecast, but at the second lead blur, noise and a spike."""
    forecast_BTHW = scene.sharp_BTHW.copy()
    forecast_BTHW[:, 1] = noise_and_spike(scene)[:, 1]
    return forecast_BTHW
