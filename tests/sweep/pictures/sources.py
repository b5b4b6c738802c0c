"""Trials made by hand, with fields of any size, kind and grid."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fieldsharp.objectives.frontier.frontier import FrontierCurve
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.pictures.sharpness_source import SharpnessPoint, SharpnessSource
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.study.files.previews import (
    ForecastPreview,
    MembersPreview,
    ObservedPreview,
    TrialPreview,
)
from tests.sweep.pictures.ensembles import made_references, made_result

Doubles = npt.NDArray[np.float64]
SHELLS = 12


def field(shape: tuple[int, int], seed: int) -> Doubles:
    """A bump and noise, about 100 high."""
    y_H1, x_1W = np.mgrid[0 : shape[0], 0 : shape[1]]
    bump_HW = 60.0 * np.exp(-((x_1W - 5.0) ** 2 + (y_H1 - 4.0) ** 2) / 20.0)
    noise_HW = np.random.default_rng(seed).normal(0.0, 3.0, shape)
    return np.asarray(40.0 + bump_HW + noise_HW, dtype=np.float64)


def made_source(
    *,
    shape: tuple[int, int] = (16, 20),
    leads: int = 2,
    epochs: int = 6,
    scale: float = 1.0,
    units: str = "ug m-3",
    labels: tuple[str, str] = ("lon [degrees_east]", "lat [degrees_north]"),
    x_W: Sequence[float] | None = None,
    y_H: Sequence[float] | None = None,
    constant: bool = False,
    broken: bool = False,
    pruned: bool = False,
    with_baseline: bool = True,
    every: int = 1,
    feasible: bool = True,
    number: int = 12,
    variable: str = "plume",
    with_members: bool = True,
) -> PictureSource:
    """The data that pictures of a trial are drawn from.

    Args:
        shape: Rows and columns.
        leads: Of the forecast; first and last are shown.
        epochs: Of the training.
        scale: What all values are multiplied by.
        units: Of the field.
        labels: Of x and y.
        x_W: Coordinates, by default even.
        y_H: Coordinates, by default even.
        constant: Whether every field is the same everywhere.
        broken: Whether the forecast is no number in places, and measures of it are neither.
        pruned: Whether there is no forecast.
        with_baseline: Whether there is a baseline's.
        every: How much it is thinned.
        feasible: Whether it breaks no guard.
        number: Of the trial.
        variable: Name of the field.
        with_members: Whether the forecast is of an ensemble whose members are judged together.
    """
    shown = tuple(sorted({1, leads}))
    count = len(shown)
    mask_HW = np.ones(shape, dtype=bool)
    mask_HW[: shape[0] // 4, : shape[1] // 3] = False

    def fields(seed: int) -> npt.NDArray[np.float32]:
        together = [scale * field(shape, seed + lead) for lead in range(count)]
        values = np.full_like(together, 7.0 * scale) if constant else np.array(together)
        return values.astype(np.float32)

    wavelength_K = np.concatenate([[np.inf], max(shape) / np.arange(1.0, SHELLS)])
    power_LK = scale**2 * np.array([wavelength_K[1:] ** 2 / 50.0] * count)
    power_LK = np.concatenate([np.ones((count, 1)), 0.0 * power_LK if constant else power_LK], 1)
    observed = ObservedPreview(
        part="validation",
        variable=variable,
        units=units,
        leads=shown,
        ahead=tuple(f"{2 * lead} h ahead" for lead in shown),
        times=tuple(f"2018-07-16T{lead:02d}:00" for lead in shown),
        x_label=labels[0],
        y_label=labels[1],
        every=every,
        windows=32,
        values_LHW=fields(0),
        mask_HW=mask_HW,
        x_W=np.arange(shape[1], dtype=np.float64) if x_W is None else np.array(x_W, dtype=float),
        y_H=np.arange(50.0, 50.0 + shape[0]) if y_H is None else np.array(y_H, dtype=float),
        power_LK=power_LK,
        wavelength_K=wavelength_K,
    )
    ours = fields(10)
    if broken:
        ours[:, 2:4, 3:9] = np.nan
    by_epoch = np.linspace(2.0, 1.0, epochs)
    if broken:
        by_epoch[-1] = np.nan
    losses = {
        "loss total": by_epoch,
        "loss base": 0.5 * by_epoch,
        "loss term": 0.1 * by_epoch,
        "loss peak": 0.0 * by_epoch,
        "score": 0.3 * by_epoch,
        "gradient": 3.0 * scale / by_epoch,
        "peak": 100.0 * scale / by_epoch,
        "rmse": scale * by_epoch,
    }
    value = float("nan") if broken else 2.5 * scale
    by_lead = {
        "gradient": [value] * leads,
        "gradient_observed": [3.0 * scale] * leads,
        "peak": [110.0 * scale] * leads,
        "peak_observed": [120.0 * scale] * leads,
    }
    members_MLHW = np.stack([ours, fields(30), fields(40)])
    members = MembersPreview(
        count=4,
        shown_MLHW=members_MLHW,
        mean_LHW=members_MLHW.mean(axis=0),
        spread_LHW=members_MLHW.std(axis=0, ddof=1),
    )
    forecast = ForecastPreview(ours, 0.6 * power_LK, members=members if with_members else None)
    baseline = TrialPreview(ForecastPreview(fields(20), 0.4 * power_LK), losses)
    return PictureSource(
        observed=observed,
        preview=TrialPreview(None if pruned else forecast, losses),
        baseline=baseline if with_baseline else None,
        number=number,
        feasible=feasible,
        by_lead=by_lead,
        targets=Targets(
            Band(2.9 * scale, 3.1 * scale), Band(115.0 * scale, 125.0 * scale, 40.0 * scale)
        ),
        sharpness=made_sharpness(scale),
        members=made_result(leads=leads, scale=scale) if with_members and not pruned else None,
        member_references=made_references(leads, scale) if with_members else {},
    )


NAMES = ("calibrate", "inflate", "quantile", "spectral", "unsharp")


def made_curve(scale: float = 1.0, doubts: Sequence[str] = ()) -> FrontierCurve:
    """A frontier that costs a tenth of the RMSE at full sharpness; the baseline has 2 at 0.8."""
    shares = np.linspace(0.75, 1.0, 21)
    return FrontierCurve(
        gradient_shares=shares.tolist(),
        rmse=(scale * (1.96 + 3.84 * (shares - 0.75) ** 2)).tolist(),
        orthogonality=-0.1,
        bias=0.0,
        rmse_as_trained=2.0 * scale,
        gradient_share_as_trained=0.8,
        doubts=list(doubts),
    )


def made_sharpness(scale: float = 1.0) -> SharpnessSource:
    """Forecasts of a study: two sharpeners all but alike, trials along the frontier and above."""
    at = [(0.76, 0.99), (0.9, 1.02), (0.905, 1.021), (0.93, 1.03), (0.99, 1.05)]
    trials = {
        number: SharpnessPoint(
            f"trial {number}", (0.8 + 0.015 * number, 1.0 + 0.01 * number), number % 3 > 0
        )
        for number in range(1, 13)
    }
    return SharpnessSource(
        curve=made_curve(scale, ["the field is not Gaussian"]),
        baseline_rmse=2.0 * scale,
        baseline=SharpnessPoint("baseline", (0.8, 1.0), True),
        references=[
            SharpnessPoint(name, shares, name != "unsharp")
            for name, shares in zip(NAMES, at, strict=True)
        ],
        trials=trials,
        target=(0.95, 1.05),
    )
