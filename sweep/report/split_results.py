"""Results of the baseline and the chosen trial on the validation and the test split."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fieldsharp.core.errors import DataError, FieldsharpError, StudyError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.model.checkpoint import decode
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.limits.error_limit import all_rmse_multiples
from fieldsharp.objectives.members.result import best_crps
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.sharpened import judge
from fieldsharp.objectives.targets import resolve_all_targets
from fieldsharp.storage.trial_files.checkpoints import checkpoints
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.model import AccusedTrial, ForecastResult, Kind, SplitResults
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.sharpening_records import best_sharpened
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.member_forecasts import Forecaster
from fieldsharp.sweep.trials.member_references import evaluate_member_references
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import SharpeningPlan, fit_sharpeners, training_forecasts
from fieldsharp.sweep.trials.trial import forecast_shape

logger = logging.getLogger(__name__)
SHARPENED = "sharpened"
Specs = dict[Kind, TrialSpec]
"""Specs of the trials that the report compares."""


def validation_split(
    summary: DataSummary, records: dict[Kind, TrialRecord], specs: Specs, files: StudyWorkspace
) -> SplitResults:
    """Return the results of the validation split from stored records and previews."""
    results: dict[Kind, ForecastResult] = {}
    for kind, record in records.items():
        scores = {name: one.score for name, one in record.variables.items()}
        results[kind] = ForecastResult(record.judgement, record.score, record.guards, scores)
        best = best_sharpened(record.references)
        if best is not None:
            results["reference"] = ForecastResult(
                best.judgement, best.score, best.guards, best.scores
            )
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
            reference = preview.reference if preview is not None else None
            if forecast is not None and forecast.is_beside(observed):
                forecasts[kind] = forecast
            if reference is not None and reference.is_beside(observed):
                forecasts["reference"] = reference
    except (StudyError, OSError) as error:  # of another version: the report goes on without
        logger.warning("no pictures of the validation split: %s", error)
        return None, {}
    return observed, forecasts


def accused_trial(number: int, specs: Specs, files: StudyWorkspace) -> AccusedTrial | None:
    """Return the pictures of a trial beside the baseline's, None without stored previews."""
    baseline = specs.get("baseline")
    numbers = {"baseline": baseline.number} if baseline is not None else {}
    try:
        observed = files.observed()
        if observed is None:
            return None
        forecasts = {}
        for name, one in {**numbers, f"trial {number}": number}.items():
            preview = files.preview(one)
            forecast = preview.forecast if preview is not None else None
            if forecast is not None and forecast.is_beside(observed):
                forecasts[name] = forecast
    except (StudyError, OSError) as error:  # of another version: the report goes on without
        logger.warning("no pictures of trial %d: %s", number, error)
        return None
    has_trial = f"trial {number}" in forecasts
    return AccusedTrial(number, observed, forecasts) if has_trial else None


def sharpeners(records: dict[Kind, TrialRecord]) -> dict[Kind, str]:
    """Return the sharpeners that the compared forecasts have, by their names."""
    found: dict[Kind, str] = {}
    for kind, record in records.items():
        best = best_sharpened(record.references)
        if best is not None:
            found["reference"] = best.name
        if record.sharpening is not None and record.sharpening.name != NO_SHARPENER:
            found[kind] = record.sharpening.name
    return found


def test_split(
    config: SweepConfig,
    summary: DataSummary,
    specs: Specs,
    files: StudyWorkspace,
    sharpened: dict[Kind, str],
    store: SeriesStore | None,
) -> tuple[SplitResults | None, str]:
    """Return the results of the test split, or why they are not available.

    Forecasts with the last checkpoints, and sharpeners fitted again on their training forecasts.
    Any failure is returned as a reason and not raised: the report shows what it can.
    """
    if config.trainer is not None:
        return None, "only the script itself can load its nets and forecast with them"
    torch.set_num_threads(config.training.threads)
    try:
        data = _same_data(config, summary, store)
        predictors = {kind: _trained(spec, data, files) for kind, spec in specs.items()}
        forecasts = _forecasts(specs, data, predictors, sharpened)
        return _evaluated(config, data, forecasts), ""
    except FieldsharpError as error:
        return None, str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a class of the user's may raise anything
        reason = " ".join(str(error).split())[:200]
        return None, f"the forecast failed ({type(error).__name__}: {reason})"


def _same_data(
    config: SweepConfig, summary: DataSummary, store: SeriesStore | None
) -> ForecastData:
    files = DataFiles.of(config.data.path)
    if not files.exist():
        raise DataError(f"the data file {files.name} is not at the path that the study has for it")
    if files.sha256() != summary.provenance.data_sha256:
        raise DataError(f"the data file {files.name} has changed since the study was started")
    return load_forecast_data(config.data, measures=config.objective.measures, store=store)


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


@dataclass(frozen=True)
class _SharpenedForecaster:
    """A predictor with the sharpener that its forecasts are judged with.

    Attributes:
        sharpener: None for its forecasts as they are.
        seed: Of its training, and of its members where it has any.
    """

    predictor: Forecaster
    sharpener: FittedSharpener | None
    seed: int

    @property
    def fitted(self) -> dict[str, FittedSharpener]:
        return {} if self.sharpener is None else {SHARPENED: self.sharpener}


def _forecasts(
    specs: Specs, data: ForecastData, predictors: dict[Kind, Forecaster], sharpened: dict[Kind, str]
) -> dict[Kind, _SharpenedForecaster]:
    """Return the compared forecasts, those of the baseline first."""
    found: dict[Kind, _SharpenedForecaster] = {}
    for kind, predictor in predictors.items():
        seed = specs[kind].run.training.seed
        found[kind] = _SharpenedForecaster(predictor, None, seed)
        sharpened_kind: Kind = "reference" if kind == "baseline" else kind
        name = sharpened.get(sharpened_kind)
        if name is None:
            continue
        plan = SharpeningPlan((name,), must_fit=True)
        forecasts = training_forecasts(data, predictor, seed)
        fitted = fit_sharpeners(plan, data, forecasts)
        found[sharpened_kind] = _SharpenedForecaster(predictor, fitted[name], seed)
    return found


def _evaluated(
    config: SweepConfig, data: ForecastData, forecasts: dict[Kind, _SharpenedForecaster]
) -> SplitResults:
    evaluator = Evaluator(data, data.test, config.objective.members_judged)
    statistics = evaluator.frontier_statistics()
    metrics = {
        kind: evaluator.evaluate_sharpened(
            one.predictor,
            one.fitted,
            seed=one.seed,
            frontier=statistics if kind == "baseline" else None,
        )
        for kind, one in forecasts.items()
    }
    baseline = metrics["baseline"][NO_SHARPENER]
    objective = config.objective
    field = evaluator.field_variation()
    multiples = all_rmse_multiples(objective.guards, statistics.frontier(), baseline)
    targets = resolve_all_targets(objective, baseline, evaluator.names, chosen_elsewhere=True)
    crps = _crps_without_training(
        evaluator, forecasts["baseline"], baseline, list(targets.by_variable)
    )

    def result(values: dict[str, MetricValues]) -> ForecastResult:
        # The last is that with the sharpener, where there is one.
        judged = judge(
            *(values, NO_SHARPENER, objective, targets, baseline),
            field=field,
            rmse_multiples=multiples,
            crps=crps,
        )[-1]
        scores = {name: one.total for name, one in judged.score.by_variable.items()}
        return ForecastResult(judged.values, judged.score.total, judged.guards, scores)

    builder = PreviewBuilder(data, "test")
    previews = {
        kind: list(
            builder.forecasts(
                one.predictor, one.fitted, seed=one.seed, members=objective.members_judged
            ).values()
        )[-1]
        for kind, one in forecasts.items()
    }
    return SplitResults(
        part="test",
        targets=targets,
        results={kind: result(values) for kind, values in metrics.items()},
        observed=builder.observed(),
        forecasts=previews,
    )


def _crps_without_training(
    evaluator: Evaluator,
    baseline: _SharpenedForecaster,
    judged: MetricValues,
    variables: Sequence[str],
) -> dict[str, float] | None:
    """Return the CRPS of the best ensemble without training, where members are judged."""
    if evaluator.members is None:
        return None
    found = evaluate_member_references(
        evaluator, baseline.predictor, judged, baseline.seed, detail=False
    )
    return best_crps(found, variables)
