"""Settings of the predictor, the loss and the training.

Imports no torch, so that a configuration can be checked and shown without loading it.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import (
    BEST_SHARPENER,
    LOSS_VARIANTS,
    NO_SHARPENER,
    NO_TERM,
    PREDICTORS,
    SHARPENERS,
)
from fieldsharp.model.schedule import Schedule


def _known_predictor(name: str) -> str:
    if name not in PREDICTORS and ":" not in name:
        raise ValueError(
            unknown("predictor", name, PREDICTORS) + ", or a class of yours as package.module:Class"
        )
    return name


def _known_variant(name: str) -> str:
    if name not in LOSS_VARIANTS and ":" not in name:
        raise ValueError(
            unknown("loss variant", name, LOSS_VARIANTS)
            + ", or a function of yours as package.module:function"
        )
    return name


def _known_sharpener(name: str) -> str:
    known = (BEST_SHARPENER, NO_SHARPENER, *SHARPENERS)
    if name not in known and ":" not in name:
        raise ValueError(
            unknown("sharpener", name, known) + ", or a class of yours as package.module:Class"
        )
    return name


def _plain(value: Any) -> Any:
    """Return options with lists for tuples, as they are stored.

    Raises:
        ValueError: If a number is not finite.
    """
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"must hold finite numbers, found {value}")
    return value


LossVariant = Annotated[str, AfterValidator(_known_variant)]


class PredictorSettings(Settings):
    """Which network, how wide, and what else its constructor takes."""

    name: Annotated[str, AfterValidator(_known_predictor)] = Field(
        "unet",
        description="unet, simvp, convlstm, ensemble; image or video, a net of a library that "
        "predictor.options.module names; or your own class as package.module:Class, from a "
        "module that plugins lists",
    )
    width: int = Field(
        16,
        ge=1,
        le=4096,
        description='hidden channels; of image and video where an argument is "{width}"',
    )
    options: Annotated[dict[str, JsonValue], BeforeValidator(_plain)] = Field(
        default_factory=dict,
        description="further keyword arguments of the predictor's class: single values, lists and "
        "mappings",
    )


class LossSettings(Settings):
    """Base loss, the gradient term that is searched, and a second term for peaks."""

    base: Literal["mse", "l1", "crps", "multiscale_crps", "spectral_crps", "energy"] = Field(
        "mse",
        description="loss on the scaled field: mse or l1, of each cell; or, of the members of the "
        "predictor ensemble alone, which takes crps by default, crps of cells, multiscale_crps of "
        "cells and block means, spectral_crps of cells and Fourier coefficients, energy of whole "
        "fields",
    )
    variant: LossVariant = Field(
        NO_TERM,
        description="gradient term: "
        + ", ".join(LOSS_VARIANTS)
        + ", or a function of yours as package.module:function, of a module that plugins lists",
    )
    gradient_weight: float = Field(
        0.0, ge=0.0, le=1e6, description="weight of the gradient term; the base loss has weight 1"
    )
    peak_variant: LossVariant = Field(
        "extremes", description="second, independent term: any of those of loss.variant"
    )
    peak_weight: float = Field(0.0, ge=0.0, le=1e6, description="weight of the second term")
    multi_step: Literal["last", "all"] = Field(
        "last", description="apply both terms to the last predicted frame or to all"
    )
    normalise: Literal["persistence", "none"] = Field(
        "persistence",
        description="meaning of weight 1: the term equals the base loss, both computed on "
        "persistence; or the term is not scaled, for raw weights such as 0.05 from "
        "another project",
    )

    @model_validator(mode="after")
    def _weighted_peak_term_exists(self) -> "LossSettings":
        if self.peak_weight and self.peak_variant == NO_TERM:
            raise ValueError(
                f"peak_weight is {self.peak_weight:g} and peak_variant none, which is no term; "
                "name one, or set peak_weight to 0"
            )
        return self


MOST_EPOCHS = 100_000
LEAST_STEPS = 250
MOST_STEPS = 3000
PATIENCE_STEPS = 250
"""Defaults of ``training.length: auto``, chosen in decision record 30."""
LENGTH_SETTINGS = ("length", "least_steps", "most_steps", "patience_steps", "epoch_windows")
"""They decide how long every trial of a study is trained, so no trial can have its own."""


class TrainingSettings(Settings):
    """How the predictor is trained."""

    length: Literal["fixed", "auto"] = Field(
        "fixed",
        description="fixed trains for epochs; auto trains the baseline until the RMSE of the "
        "validation part has stopped improving and keeps its best epoch, and every "
        "other trial for as many epochs. auto needs the schedule schedule_free: under "
        "another the epochs come from the study that --from names, else from a "
        "schedule-free training with the same settings, which is run first",
    )
    epochs: int = Field(
        12,
        ge=1,
        le=MOST_EPOCHS,
        description="fixed: passes over the training windows; under auto it is left out",
    )
    least_steps: int | None = Field(
        None,
        ge=1,
        le=100_000_000,
        description="auto: steps that the baseline is trained at least before its training may "
        f"end ({LEAST_STEPS} by default); an earlier epoch may be kept. Where it is given, "
        "warmup_fraction and teacher_forcing_fraction are shares of it, which do not depend on "
        "when the training ends; exports carry it for that reason",
    )
    most_steps: int | None = Field(
        None,
        ge=1,
        le=100_000_000,
        description=f"auto: steps that a trial is trained at most ({MOST_STEPS} by default)",
    )
    patience_steps: int | None = Field(
        None,
        ge=1,
        le=100_000_000,
        description="auto: the baseline ends when so many steps have not improved its RMSE "
        f"({PATIENCE_STEPS} by default)",
    )
    epoch_windows: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="training windows in one epoch, in random order; by default each once. auto "
        "sets it where one pass is too long or too short a time between two evaluations, and "
        "exports carry it",
    )
    start: Literal["fresh", "baseline"] = Field(
        "fresh",
        description="fresh trains from weights that are drawn by the seed; baseline goes on from "
        "the weights of the study's finished baseline, which itself always starts fresh, with a "
        "fresh optimiser and schedule",
    )
    fine_tuning: float = Field(
        0.25,
        gt=0.0,
        le=1.0,
        description="share of the baseline's steps that a training from its weights takes (start: "
        "baseline), in as large a share of its epochs, at least one; warmup_fraction and the "
        "schedule are of those",
    )
    batch_size: int = Field(16, ge=1, le=65_536, description="windows in one step")
    learning_rate: float = Field(1e-3, ge=0.0, le=10.0, description="highest learning rate of Adam")
    warmup_fraction: float = Field(
        0.05,
        ge=0.0,
        lt=1.0,
        description="share of all steps, or of least_steps where that is given, in which the rate "
        "rises from 0",
    )
    schedule: Schedule = Field(
        "cosine",
        description="learning rate after the warm-up: cosine falls along a cosine; cooldown is "
        "constant and falls over the last fifth of the steps; schedule_free is "
        "constant, and forecasts use a running mean of the weights",
    )
    final_rate_fraction: float = Field(
        0.01,
        ge=0.0,
        le=1.0,
        description="cosine and cooldown end at this share of the learning rate",
    )
    weight_decay: float = Field(0.0, ge=0.0, le=10.0, description="decoupled weight decay (AdamW)")
    clip_norm: float = Field(
        1.0, ge=0.0, description="gradients are scaled down to this norm; 0 does not limit them"
    )
    teacher_forcing_fraction: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="share of all steps, or of least_steps where that is given, over which "
        "teacher forcing falls from 1 to 0 (recurrent predictors only)",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        description="seed of the initial weights and of the order of the windows",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="auto takes cuda, else mps, else cpu"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="precision of matrix products; auto takes bfloat16 if the device has "
        "instructions for it (CUDA from Ampere on, CPUs with AVX512-BF16 or AMX)",
    )
    threads: int = Field(1, ge=1, le=256, description="CPU threads of one training")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_bounds(cls, value: Any) -> Any:
        """Give ``auto`` its default bounds, none of which contradicts a given one."""
        if not isinstance(value, dict) or value.get("length") != "auto":
            return value
        given = {name: found for name, found in value.items() if found is not None}
        most = given.get("most_steps")
        if most is None:
            found = [given.get(name) for name in ("least_steps", "patience_steps")]
            most = max([MOST_STEPS, *(n for n in found if isinstance(n, int))])
        highest = most if isinstance(most, int) and most >= 1 else MOST_STEPS
        return {
            "most_steps": most,
            "least_steps": min(LEAST_STEPS, highest),
            "patience_steps": min(PATIENCE_STEPS, highest),
            **given,
        }

    @model_validator(mode="after")
    def _bounds_agree(self) -> "TrainingSettings":
        if self.length == "fixed":
            for name in ("most_steps", "patience_steps"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name} is {getattr(self, name)} and has no effect while length is fixed; "
                        "set length to auto, or leave it out"
                    )
            return self
        assert self.most_steps is not None, "the validator above fills it in"
        for name in ("least_steps", "patience_steps"):
            if getattr(self, name) > self.most_steps:
                raise ValueError(
                    f"{name} is {getattr(self, name)} and most_steps {self.most_steps}, where "
                    f"every training ends; lower {name} or raise most_steps"
                )
        return self


class SharpeningSettings(Settings):
    """The last step: a sharpener that is fitted on training forecasts of the trained predictor."""

    name: Annotated[str, AfterValidator(_known_sharpener)] = Field(
        NO_SHARPENER,
        description="auto takes what makes the best forecast of each trial, or none; or one of "
        + ", ".join((NO_SHARPENER, *SHARPENERS))
        + ", or your own class as package.module:Class, from a module that plugins lists. In a "
        "configuration file auto is the default, in an export and in studies of earlier versions "
        "none",
    )
