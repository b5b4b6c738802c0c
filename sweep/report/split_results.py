"""Results of the baseline and the chosen trial on the validation and the test split."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from fieldsharp.core.errors import DataError, FieldsharpError, StudyError
from fieldsharp.fields.windows import ForecastData, load_forecast_data
from fieldsharp.model.checkpoint import decode
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.sharpened import judge
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.storage.trial_files.checkpoints import checkpoints
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.model import ForecastResult, Kind, SplitResults
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.provenance import file_sha256
from fieldsharp.sweep.study.trial_records import TrialRecord, sharpener_of
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator, Forecaster
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import SharpeningPlan, fit_sharpeners, training_forecasts
from fieldsharp.sweep.trials.trial import forecast_shape

logger = logging.getLogger(__name__)
Specs = dict[Kind, TrialSpec]
"""Specs of the trials that the report compares."""


def validation_split(
    summary: DataSummary, records: dict[Kind, TrialRecord], specs: Specs, files: StudyWorkspace
) -> SplitResults:
    """Return the results of the validation split from stored records and previews."""
    results = {
        kind: ForecastResult(record.judgement, record.score, record.guards)
        for kind, record in records.items()
    }
    observed, forecasts = _stored_previews(specs, files)
    return SplitResults("validation", summary.targets, results, observed, forecasts)


def _stored_previews(
    specs: Specs, files: StudyWorkspace
) -> tuple[ObservedPreview | None, dict[Kind, ForecastPreview]]:
    forecasts: dict[Kind, ForecastPreview] = {}
    try:
        observed = files.observed()
        if observed is None:
            return None, {}
        for kind, spec in specs.items():
            preview = files.preview(spec.number)
            forecast = preview.forecast if preview is not None else None
            if forecast is not None and forecast.is_beside(observed):
                forecasts[kind] = forecast
    except (StudyError, OSError) as error:  # of another version: the report goes on without
        logger.warning("no pictures of the validation split: %s", error)
        return None, {}
    return observed, forecasts


def test_split(
    config: SweepConfig,
    summary: DataSummary,
    records: dict[Kind, TrialRecord],
    specs: Specs,
    files: StudyWorkspace,
) -> tuple[SplitResults | None, str]:
    """Return the results of the test split, or why they are not available.

    Forecasts with the last checkpoints, and with the sharpener that each trial is judged with,
    fitted again on the same training windows. Any failure is returned as a reason and not raised:
    the report shows what it can.
    """
    if config.trainer is not None:
        return None, "only the script itself can load its nets and forecast with them"
    torch.set_num_threads(config.training.threads)
    try:
        data = _same_data(config, summary)
        nets = {
            kind: _trained(spec, data, files, sharpener_of(records[kind]))
            for kind, spec in specs.items()
        }
        return _evaluated(config, data, nets), ""
    except FieldsharpError as error:
        return None, str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a class of the user's may raise anything
        reason = " ".join(str(error).split())[:200]
        return None, f"the forecast failed ({type(error).__name__}: {reason})"


def _same_data(config: SweepConfig, summary: DataSummary) -> ForecastData:
    path = Path(config.data.path)
    if not path.exists():
        raise DataError(f"the data file {path.name} is not at the path that the study has for it")
    if file_sha256(path) != summary.provenance.data_sha256:
        raise DataError(f"the data file {path.name} has changed since the study was started")
    return load_forecast_data(config.data)


@dataclass(frozen=True)
class _Net:
    """A trained predictor with its sharpener, if it has one."""

    predictor: Forecaster
    sharpener: str
    fitted: Mapping[str, FittedSharpener]


def _trained(spec: TrialSpec, data: ForecastData, files: StudyWorkspace, sharpener: str) -> _Net:
    folder = files.checkpoints(spec.number)
    for content in checkpoints(folder):
        checkpoint = decode(content)
        if checkpoint.fingerprint == spec.fingerprint:
            predictor = build_predictor(spec.run.predictor, forecast_shape(data, spec.run))
            predictor.load_state_dict(checkpoint.trainer["predictor"])
            predictor.eval()
            return _Net(predictor, sharpener, _fitted(sharpener, spec, data, predictor))
    raise StudyError(
        f"there is no checkpoint of trial {spec.number} (recovery.keep_best is the number of best "
        "trials whose checkpoints are stored)"
    )


def _fitted(
    name: str, spec: TrialSpec, data: ForecastData, predictor: Forecaster
) -> dict[str, FittedSharpener]:
    if name == NO_SHARPENER:
        return {}
    forecasts = training_forecasts(data, predictor, spec.run.training.seed)
    return fit_sharpeners(SharpeningPlan((name,), must_fit=True), data, forecasts)


def _evaluated(config: SweepConfig, data: ForecastData, nets: dict[Kind, _Net]) -> SplitResults:
    evaluator = Evaluator(data, data.test)
    metrics = {
        kind: evaluator.evaluate_sharpened(net.predictor, net.fitted) for kind, net in nets.items()
    }
    baseline = metrics["baseline"][NO_SHARPENER]  # which other trials are compared with as it is
    targets = resolve_targets(config.objective, baseline.overall, chosen_elsewhere=True)

    def result(kind: Kind) -> ForecastResult:
        judged = judge(metrics[kind], NO_SHARPENER, config.objective, targets, baseline)
        best = next(one for one in judged if one.sharpener == nets[kind].sharpener)
        return ForecastResult(best.values, best.score.total, best.guards)

    previews = PreviewBuilder(data, "test")
    return SplitResults(
        part="test",
        targets=targets,
        results={kind: result(kind) for kind in nets},
        observed=previews.observed(),
        forecasts={
            kind: previews.forecasts(net.predictor, net.fitted)[net.sharpener]
            for kind, net in nets.items()
        },
    )
