"""Input and result of a check: a configuration on its data, and a finding.

Shape legend: B batch, T frames, C channel, H rows, W columns; units of the training range.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import Hardware
from fieldsharp.model.losses.forecast_loss import ForecastLoss
from fieldsharp.model.losses.several_variables import MeanOfVariables
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import MemberForecasting
from fieldsharp.model.registry import MEMBER_LOSSES
from fieldsharp.model.settings import LossSettings
from fieldsharp.objectives.per_variable import named
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Persistence
from fieldsharp.sweep.trials.loss import make_loss
from fieldsharp.sweep.trials.trial import forecast_shape

Tensor = torch.Tensor
SHAKE = 0.02
"""Standard deviation of the noise on shaken weights, enough to see in any forecast."""
SAFE_RATE = 1e-3
"""Learning rate of the checks that are not about the configured one."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        detail: What was found, one sentence.
        fix: What to do, one sentence; "" where the check passes.
    """

    ok: bool
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class Check(Finding):
    """The finding of a named check; the name is stable, since scripts may rely on it."""

    name: str = field(kw_only=True)

    def as_json(self) -> dict[str, str | bool]:
        """Return plain values."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "fix": self.fix}


def finding(detail: str, fix: str, *, ok: bool) -> Finding:
    """Return a finding that carries its fix only where the check fails."""
    return Finding(ok, detail, "" if ok else fix)


def of_each(findings: Mapping[str, Finding]) -> Finding:
    """Return what a check found of each predicted variable, by its name, as one finding.

    Of several with their names; where one fails, only those that do.
    """
    if len(findings) == 1:
        return next(iter(findings.values()))
    failed = {name: one for name, one in findings.items() if not one.ok}
    detail = "; ".join(named(name, one.detail) for name, one in (failed or findings).items())
    return finding(detail, next((one.fix for one in failed.values()), ""), ok=not failed)


@dataclass(frozen=True)
class CheckContext:
    """A configuration on its data, on the device it would be trained on."""

    config: SweepConfig
    data: ForecastData
    hardware: Hardware

    def predictor(self, seed: int = 0) -> nn.Module:
        """Return a freshly built predictor; another ``seed`` gives other weights."""
        torch.manual_seed(self.config.training.seed + seed)
        shape = forecast_shape(self.data, self.config.run)
        return build_predictor(self.config.predictor, shape).to(self.hardware.device)

    def shaken_predictor(self) -> nn.Module:
        """Return a predictor with noise on its weights.

        A predictor with a zero head starts from persistence whatever its other weights are, and on
        some data a loss term is 0 for persistence.
        """
        predictor = self.predictor()
        noise = torch.Generator().manual_seed(self.config.training.seed)
        with torch.no_grad():
            for weights in predictor.parameters():
                weights.add_(SHAKE * torch.randn(weights.shape, generator=noise).to(weights))
        return predictor

    def loss(
        self, scaled_on: Windows | None = None, **changed: float | str
    ) -> ForecastLoss | MeanOfVariables:
        """Return the base loss without terms, with some settings of the loss changed.

        Args:
            scaled_on: See ``make_loss``.
            changed: Settings.
        """
        alone = {"gradient_weight": 0.0, "peak_weight": 0.0, **changed}
        settings = LossSettings.model_validate({**self.config.loss.model_dump(), **alone})
        return make_loss(settings, self.data, scaled_on)

    def some_windows(self, count: int) -> Windows:
        """Return up to ``count`` training windows, spread evenly over the training part."""
        windows = self.data.train
        which = torch.linspace(0, len(windows) - 1, min(count, len(windows))).round().long()
        return replace(windows, starts_B=windows.starts_B[which.to(windows.device)])

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Return history and future of up to ``count`` windows, spread evenly."""
        windows = self.some_windows(count)
        return windows.take(torch.arange(len(windows), device=windows.starts_B.device))

    def forecast(self, predictor: nn.Module, history_BTCHW: Tensor) -> Tensor:
        """Return the forecast that the loss is computed on: of an ensemble its members."""
        with torch.autocast(
            self.hardware.device.type, self.hardware.precision, enabled=self.hardware.autocast
        ):
            if isinstance(predictor, MemberForecasting):
                return predictor.forecast_members(history_BTCHW).float()
            forecast: Tensor = predictor(history_BTCHW)
            return forecast.float()

    def require_dependence(self, predictor: nn.Module) -> None:
        """Check that this predictor can be trained.

        Raises:
            TrainingFailed: If its forecast does not depend on its weights.
        """
        predictor.train()
        if not self.forecast(predictor, self.batch(1)[0]).requires_grad:
            raise TrainingFailed(
                "the forecast does not depend on the weights of the predictor; detach nothing on "
                "the way from them to the forecast"
            )

    def persistence(self, history_BTCHW: Tensor) -> Tensor:
        """Return the last known frame in the shape of ``forecast``; two members where some are."""
        still_BTCHW = Persistence.of(self.data)(history_BTCHW)
        if self.config.loss.base in MEMBER_LOSSES:
            return still_BTCHW[:, None].expand(-1, 2, -1, -1, -1, -1)
        return still_BTCHW


def descend(
    predictor: nn.Module, optimizer: torch.optim.Optimizer, value: Tensor, clip_norm: float = 0.0
) -> None:
    """Take one step down a loss.

    Raises:
        TrainingFailed: If the loss does not depend on the predictor's weights.
    """
    if not value.requires_grad:
        raise TrainingFailed(
            "the loss does not depend on the weights of the predictor; detach nothing on the way "
            "from them to the loss"
        )
    optimizer.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    if clip_norm > 0:
        nn.utils.clip_grad_norm_(predictor.parameters(), clip_norm)
    optimizer.step()


def descend_often(predictor: nn.Module, loss: Callable[[], Tensor], steps: int) -> None:
    """Take a number of Adam steps at a safe learning rate.

    Raises:
        TrainingFailed: If the loss does not depend on the predictor's weights.
    """
    predictor.train()
    optimizer = torch.optim.Adam(predictor.parameters(), lr=SAFE_RATE)
    for _ in range(steps):
        descend(predictor, optimizer, loss())
