"""How the baseline and the best trial did, on the validation and on the test split."""

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
from fieldsharp.sweep.report.model import Kind, Row, SplitView
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
Nets = dict[Kind, TrialSpec]
"""What was trained, of those the report compares."""


def validation_split(
    facts: DataSummary,
    records: dict[Kind, TrialRecord],
    nets: Nets,
    files: StudyWorkspace,
) -> SplitView:
    """Return the split the search was scored on, with the pictures that are kept."""
    rows = {
        kind: Row(record.judgement, record.score, record.guards) for kind, record in records.items()
    }
    observed, forecasts = _kept_samples(nets, files)
    return SplitView("validation", facts.targets, rows, observed, forecasts)


def _kept_samples(
    nets: Nets, files: StudyWorkspace
) -> tuple[ObservedPreview | None, dict[Kind, ForecastPreview]]:
    forecasts: dict[Kind, ForecastPreview] = {}
    try:
        observed = files.observed()
        if observed is None:
            return None, {}
        for kind, spec in nets.items():
            kept = files.sample(spec.number)
            forecast = kept.forecast if kept is not None else None
            if forecast is not None and forecast.is_beside(observed):
                forecasts[kind] = forecast
    except (StudyError, OSError) as error:  # of another version: the figures are there still
        logger.warning("no pictures of the validation split: %s", error)
        return None, {}
    return observed, forecasts


def test_split(
    config: SweepConfig, facts: DataSummary, nets: Nets, files: StudyWorkspace
) -> tuple[SplitView | None, str]:
    """Return the split kept for the final word, or why it could not be had.

    Forecasts with the nets whose last checkpoints are kept. Whatever is in the way of that is a
    reason and no error: a report is wanted of what there is.
    """
    if config.trainer is not None:
        return None, "the nets of a script are its own, and forecast nothing here"
    torch.set_num_threads(config.training.threads)
    try:
        data = _same_data(config, facts)
        predictors = {kind: _trained(spec, data, files) for kind, spec in nets.items()}
        return _judged(config, data, predictors), ""
    except FieldsharpError as error:
        return None, str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a class of the user's may raise anything
        reason = " ".join(str(error).split())[:200]
        return None, f"the forecast failed ({type(error).__name__}: {reason})"


def _same_data(config: SweepConfig, facts: DataSummary) -> ForecastData:
    path = Path(config.data.path)
    if not path.exists():
        raise DataError(f"the data file {path.name} is not where the study knows it to be")
    if file_sha256(path) != facts.provenance.data_sha256:
        raise DataError(
            f"the data file {path.name} has other contents than when the study was started"
        )
    return load_forecast_data(config.data)


def _trained(spec: TrialSpec, data: ForecastData, files: StudyWorkspace) -> Forecaster:
    folder = files.checkpoints(spec.number)
    for content in checkpoints(folder):
        found = decode(content)
        if found.fingerprint == spec.fingerprint:
            predictor = build_predictor(spec.run.predictor, forecast_shape(data, spec.run))
            predictor.load_state_dict(found.trainer["predictor"])
            predictor.eval()
            return predictor
    raise StudyError(
        f"no checkpoint of trial {spec.number} is kept (recovery.keep_best says of how many of the "
        "best trials there is one)"
    )


def _judged(
    config: SweepConfig, data: ForecastData, predictors: dict[Kind, Forecaster]
) -> SplitView:
    judge = Evaluator(data, data.test)
    judgements = {kind: judge.evaluate(predictor) for kind, predictor in predictors.items()}
    baseline = judgements["baseline"]
    targets = resolve_targets(config.objective, baseline.overall, chosen_elsewhere=True)

    def row(judgement: MetricValues) -> Row:
        weight = config.objective.rmse_weight
        score = score_forecast(judgement.overall, targets, baseline.overall["rmse"], weight)
        guards = check_guards(judgement, config.objective.guards, baseline)
        return Row(judgement, score.total, guards)

    sampler = PreviewBuilder(data, "test")
    return SplitView(
        part="test",
        targets=targets,
        rows={kind: row(judgement) for kind, judgement in judgements.items()},
        observed=sampler.observed(),
        forecasts={kind: sampler.forecast(predictor) for kind, predictor in predictors.items()},
    )
