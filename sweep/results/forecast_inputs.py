"""The frames that a forecast is made from: known history, and what is given beyond it.

Shape legend: S slots, one stride apart, from the first frame of the history to the last lead;
C channel, H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.core.errors import DataError
from fieldsharp.fields.common_frames import TimeAxis
from fieldsharp.fields.forcings import forcing_frames
from fieldsharp.fields.forecast_data import static_frame
from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.further_inputs import FurtherInputs, steps_ahead
from fieldsharp.fields.initial_times import time_key
from fieldsharp.fields.scaling import Scaling, unit_frames
from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.variables import Variables, frames_at
from fieldsharp.sweep.results.run_folder import TrainedRun


@dataclass(frozen=True)
class Given:
    """A variable, how it is scaled, and the slots at which it must be known."""

    name: str
    series: FieldSeries
    scaling: Scaling
    needed: range


class ForecastInputs:
    """What a predictor is given, called as often as a forecast is long.

    Args:
        trained: A loaded run folder.
        variables: Its variables, in the units of the training.
        time_S: Times of the history and of every lead of every round.
        rounds: How often the predictor is called; each time it forecasts its horizon.

    Attributes:
        known_SCHW: The history of what is predicted, in units of the training range.
        further: Other inputs, by slot; None where there are none.

    Raises:
        DataError: If an input is not known at a time that needs it.
    """

    def __init__(
        self, trained: TrainedRun, variables: Variables, time_S: npt.NDArray[Any], rounds: int
    ) -> None:
        settings = trained.run.data
        self._settings = settings
        self._axis = TimeAxis(time_S, variables.predicted[0].time_attrs)
        history = range(settings.history)
        until_last_round = range(settings.history + (rounds - 1) * settings.horizon)
        known_ahead = range(min(steps_ahead(settings)), len(time_S))
        scalings = {one.name: one.scaling for one in trained.inputs}
        predicted = [
            Given(series.name, series, scaling, history)
            for series, scaling in zip(variables.predicted, trained.scalings, strict=True)
        ]
        others = [
            Given(name, series, scalings[name], until_last_round)
            for name, series in zip(settings.other_inputs, variables.others, strict=True)
        ]
        ahead = [
            Given(name, series, scalings[name], known_ahead)
            for name, series in zip(settings.known_ahead, variables.known_ahead, strict=True)
        ]
        self._require([*predicted, *others, *ahead])
        self.known_SCHW = torch.cat(
            [self._frames(one).frames_NCHW[: len(history)] for one in predicted], dim=1
        )
        static = [
            static_frame(field, scalings[name])
            for name, field in zip(settings.static, variables.static, strict=True)
        ]
        forcings = forcing_frames(
            settings, time_S, variables.predicted[0], [self._frames(one) for one in ahead], "cpu"
        )
        self.further = FurtherInputs.of([self._frames(one) for one in others], static, forcings)

    def with_further(self, predicted_BSCHW: torch.Tensor, first: int) -> torch.Tensor:
        """Return a history with all inputs.

        Args:
            predicted_BSCHW: What is predicted, at consecutive slots.
            first: The first of these slots.
        """
        if self.further is None:
            return predicted_BSCHW
        slots_1S = first + torch.arange(predicted_BSCHW.shape[1])[None]
        of_strides = self._settings.model_copy(update={"stride": 1})  # a slot is a stride
        return torch.cat([predicted_BSCHW, self.further.take(slots_1S, of_strides)], dim=2)

    def time_key(self, first: int) -> int:
        """Return the number for the last time of a history, see ``fields.initial_times``.

        Args:
            first: The first slot of the history.
        """
        return time_key(self._axis.time[first + self._settings.history - 1])

    def _frames(self, given: Given) -> FramesInMemory:
        """Return a variable at every slot, 0 where it is not needed and not known."""
        slots, frames = frames_at(given.series, self._axis, "forecast")
        values_SCHW = np.zeros((len(self._axis.time), *given.series.values_TCHW.shape[1:]), "f4")
        values_SCHW[slots] = given.series.values_TCHW[frames]
        return FramesInMemory(unit_frames(values_SCHW, given.series.mask_HW, given.scaling))

    def _require(self, variables: Sequence[Given]) -> None:
        missing = {one.name: lacking for one in variables if (lacking := self._lacking(one))}
        history, horizon = self._settings.history, self._settings.horizon
        in_history = [name for name, slots in missing.items() if slots[0] < history]
        if in_history:
            slot = missing[in_history[0]][0]
            raise DataError(
                f"{_names(in_history)} {_has(in_history)} no frame at "
                f"{time_text(self._axis.time[slot])}, in the history of this forecast, or too many "
                "of its cells are missing; choose another time with --after"
            )
        if missing:
            last = max(slots[-1] for slots in missing.values())
            one_round = all(
                slots[0] >= history + horizon
                for name, slots in missing.items()
                if name in self._settings.known_ahead
            )
            shorter = f"give --steps {horizon}, or " if one_round else ""
            raise DataError(
                f"a forecast of this length needs {_names(list(missing))}, which "
                f"{'are' if len(missing) > 1 else 'is'} not predicted, up to "
                f"{time_text(self._axis.time[last])}, and the data has no frame of "
                f"{'them' if len(missing) > 1 else 'it'} at "
                f"{time_text(self._axis.time[min(s[0] for s in missing.values())])}; {shorter}"
                "choose an earlier time with --after, or give longer data with --data"
            )

    def _lacking(self, given: Given) -> list[int]:
        """Return the slots at which a variable is needed and not known well enough."""
        slots, frames = frames_at(given.series, self._axis, "forecast")
        filled = given.series.filled_T[frames] > self._settings.max_filled_share
        return sorted({*given.needed} - {*slots[~filled].tolist()})


def _names(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _has(names: list[str]) -> str:
    return "have" if len(names) > 1 else "has"
