from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fieldsharp.objectives.accuracy import anomaly_predicted, squared_error_persistence
from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import METRICS, Metric
from fieldsharp.objectives.structure import hits, structural_similarity
from fieldsharp.objectives.verification import Verification, verify
from fieldsharp.objectives.verification_batch import Statistic, VerificationBatch


def test_nothing_added_is_nothing_judged() -> None:
    verification = Verification()

    with pytest.raises(ValueError, match="no forecast was added"):
        verification.overall()
    with pytest.raises(ValueError, match="no forecast was added"):
        verification.per_lead()


def test_every_metric_is_reported_overall_and_for_each_lead(case: VerificationBatch) -> None:
    verification = Verification()
    verification.add(case)

    assert list(verification.overall()) == list(METRICS)
    assert {len(values) for values in verification.per_lead().values()} == {3}
    assert all(isinstance(value, float) for value in verification.overall().values())


def test_of_one_lead_the_values_overall_are_those_of_the_lead(case: VerificationBatch) -> None:
    verification = Verification(with_persistence=False)
    first = (case.pred_BTCHW[:, :1], case.target_BTCHW[:, :1])
    verification.add(VerificationBatch(*first, None, case.mask_HW, case.climatology))

    values = verification.metric_values()
    assert values.overall == pytest.approx(verification.overall(), rel=0, abs=0, nan_ok=True)


def test_samples_weigh_alike_however_they_are_batched(case: VerificationBatch) -> None:
    """Two batches of four and one: the mean of the batches' means would be another number."""
    verification = Verification(with_persistence=False)
    offset = replace(case, pred_BTCHW=case.target_BTCHW + 1.0)
    for samples in (slice(0, 4), slice(4, 5)):
        verification.add(
            VerificationBatch(
                offset.pred_BTCHW[samples] + (4.0 if samples.start else 0.0),
                offset.target_BTCHW[samples],
                None,
                offset.mask_HW,
                offset.climatology,
            )
        )

    assert verification.overall()["bias"] == pytest.approx((4 * 1.0 + 1 * 5.0) / 5)


def test_without_a_last_known_frame_skill_is_left_out_or_refused(case: VerificationBatch) -> None:
    unknown = replace(case, persistence_BTCHW=None)

    assert "skill_persistence" not in verify(unknown)
    with pytest.raises(ValueError, match="needs the last known frame"):
        squared_error_persistence(unknown)
    with pytest.raises(ValueError, match="needs the last known frame"):
        Verification().add(unknown)


@pytest.mark.parametrize(
    ("statistic", "what"),
    [
        (anomaly_predicted, "anomalies need"),
        (hits, "events need"),
        (structural_similarity, "structural similarity needs"),
    ],
)
def test_without_a_climatology_what_asks_for_it_is_refused(
    case: VerificationBatch, statistic: Statistic, what: str
) -> None:
    unknown = replace(case, climatology=None)

    assert "anomaly_correlation" not in verify(unknown)
    with pytest.raises(ValueError, match=f"{what} a climatology; none was given"):
        statistic(unknown)
    with pytest.raises(ValueError, match="a climatology; none was given"):
        Verification().add(unknown)


def test_a_judgement_holds_the_overall_and_every_lead(case: VerificationBatch) -> None:
    verification = Verification()
    verification.add(case)

    judgement = verification.metric_values()

    assert judgement.overall == verification.overall()
    assert judgement.by_lead == verification.per_lead()
    assert judgement.leads == 3
    assert list(judgement.at(2)) == list(METRICS)
    assert judgement.at(2)["rmse"] == judgement.by_lead["rmse"][2]
    assert judgement.at(0)["rmse"] < judgement.overall["rmse"] < judgement.at(2)["rmse"]


def test_a_judgement_of_no_metric_has_no_lead() -> None:
    assert MetricValues(overall={}, by_lead={}).leads == 0


def test_a_known_truth_changes_no_number_and_is_derived_from_once(case: VerificationBatch) -> None:
    truth = MaskedField(case.target_BTCHW, case.mask_HW, case.climatology)
    known = replace(case, known_truth=truth)

    assert verify(known) == verify(case)
    derived = dict(vars(truth))
    assert {"steepness", "sorted_BTCN", "coefficients_BTCHW"} <= set(derived)

    other = replace(known, pred_BTCHW=known.pred_BTCHW + 1.0)
    assert verify(other) == verify(replace(other, known_truth=None))
    assert vars(truth).keys() == derived.keys()
    assert all(vars(truth)[name] is value for name, value in derived.items())


def test_without_detail_exactly_the_metrics_of_detail_are_left_out(case: VerificationBatch) -> None:
    plain, full = Verification(detail=False), Verification()
    plain.add(case)
    full.add(case)

    assert list(plain.overall()) == [name for name, m in METRICS.items() if not m.detail]
    assert plain.overall().items() <= full.overall().items()
    assert any(m.detail for m in METRICS.values())


def test_without_detail_nothing_is_worked_out_for_it(
    case: VerificationBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def costly(of: VerificationBatch) -> torch.Tensor:
        asked.append(of)
        return of.forecast.cells_BTCN.mean(dim=(2, 3))

    metric = Metric((costly,), lambda mean: mean, "field", "costly", detail=True)
    monkeypatch.setitem(METRICS, "costly", metric)

    Verification(detail=False).add(case)
    assert asked == []
    assert "sorted_BTCN" not in vars(case.forecast)

    Verification().add(case)
    assert asked == [case]
    assert "sorted_BTCN" in vars(case.forecast)


def test_a_statistic_that_several_metrics_need_is_worked_out_once(
    case: VerificationBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def shared(of: VerificationBatch) -> torch.Tensor:
        asked.append(of)
        return of.forecast.cells_BTCN.mean(dim=(2, 3))

    for name in ("one", "other"):
        monkeypatch.setitem(METRICS, name, Metric((shared,), lambda m: m, "field", name))

    Verification().add(case)

    assert asked == [case]


def test_a_metric_may_be_read_before_the_last_batch(case: VerificationBatch) -> None:
    verification = Verification()
    verification.add(case)
    first = verification.overall()

    verification.add(case)

    assert verification.overall() == pytest.approx(first)
    assert verification.samples == 10


def test_sums_are_kept_in_double_precision(case: VerificationBatch) -> None:
    """A thousand batches of one tenth: in single precision the sum drifts in the sixth digit."""
    flat = torch.zeros(1, 1, 1, 3, 3)
    tenth = VerificationBatch(flat + 0.1, flat, None, torch.ones(3, 3, dtype=torch.bool))
    verification = Verification(with_persistence=False, with_climatology=False, detail=False)
    for _ in range(1000):
        verification.add(tenth)

    one = Verification(with_persistence=False, with_climatology=False, detail=False)
    one.add(tenth)
    assert verification.overall()["mae"] == pytest.approx(one.overall()["mae"], rel=1e-12)
