"""Results of the baseline and the chosen trial on the validation and the test split."""

import logging
from pathlib import Path

import torch

from fieldsharp.core.errors import DataError, FieldsharpError, StudyError
from fieldsharp.fields.windows import ForecastData, load_forecast_data
from fieldsharp.model.checkpoint import decode
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.objectives.guards import check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.storage.trial_files.checkpoints import checkpoints
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.model import ForecastResult, Kind, SplitResults
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.provenance import file_sha256
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator, Forecaster
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
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
    config: SweepConfig, summary: DataSummary, specs: Specs, files: StudyWorkspace
) -> tuple[SplitResults | None, str]:
    """Return the results of the test split, or why they are not available.

    Forecasts with the last checkpoints. Any failure is returned as a reason and not raised: the
    report shows what it can.
    """
    if config.trainer is not None:
        return None, "only the script itself can load its nets and forecast with them"
    torch.set_num_threads(config.training.threads)
    try:
        data = _same_data(config, summary)
        predictors = {kind: _trained(spec, data, files) for kind, spec in specs.items()}
        return _evaluated(config, data, predictors), ""
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


def _trained(spec: TrialSpec, data: ForecastData, files: StudyWorkspace) -> Forecaster:
    folder = files.checkpoints(spec.number)
    for content in checkpoints(folder):
        checkpoint = decode(content)
        if checkpoint.fingerprint == spec.fingerprint:
            predictor = build_predictor(spec.run.predictor, forecast_shape(data, spec.run))
            predictor.load_state_dict(checkpoint.trainer["predictor"])
            predictor.eval()
            return predictor
    raise StudyError(
        f"there is no checkpoint of trial {spec.number} (recovery.keep_best is the number of best "
        "trials whose checkpoints are stored)"
    )


def _evaluated(
    config: SweepConfig, data: ForecastData, predictors: dict[Kind, Forecaster]
) -> SplitResults:
    evaluator = Evaluator(data, data.test)
    metrics = {kind: evaluator.evaluate(predictor) for kind, predictor in predictors.items()}
    baseline = metrics["baseline"]
    targets = resolve_targets(config.objective, baseline.overall, chosen_elsewhere=True)

    def result(values: MetricValues) -> ForecastResult:
        weight = config.objective.rmse_weight
        score = score_forecast(values.overall, targets, baseline.overall["rmse"], weight)
        guards = check_guards(values, config.objective.guards, baseline)
        return ForecastResult(values, score.total, guards)

    previews = PreviewBuilder(data, "test")
    return SplitResults(
        part="test",
        targets=targets,
        results={kind: result(values) for kind, values in metrics.items()},
        observed=previews.observed(),
        forecasts={kind: previews.forecast(predictor) for kind, predictor in predictors.items()},
    )
