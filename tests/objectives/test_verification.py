from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from objectives.accuracy import squared_error_persistence
from objectives.case import Case
from objectives.metrics import METRICS
from objectives.verification import Verification, verify


def test_nothing_added_is_nothing_judged() -> None:
    verification = Verification()

    with pytest.raises(ValueError, match="no forecast was added"):
        verification.overall()
    with pytest.raises(ValueError, match="no forecast was added"):
        verification.per_lead()


def test_every_metric_is_reported_overall_and_for_each_lead(case: Case) -> None:
    verification = Verification()
    verification.add(case)

    assert list(verification.overall()) == list(METRICS)
    assert {len(values) for values in verification.per_lead().values()} == {3}
    assert all(isinstance(value, float) for value in verification.overall().values())


def test_samples_weigh_alike_however_they_are_batched(case: Case) -> None:
    """Two batches of four and one: the mean of the batches' means would be another number."""
    verification = Verification()
    offset = replace(case, pred_BTCHW=case.target_BTCHW + 1.0)
    for samples in (slice(0, 4), slice(4, 5)):
        batch = Case(
            offset.pred_BTCHW[samples] + (4.0 if samples.start else 0.0),
            offset.target_BTCHW[samples],
            None,
            offset.mask_HW,
        )
        verification = verification if samples.start else Verification(with_persistence=False)
        verification.add(batch)

    assert verification.overall()["bias"] == pytest.approx((4 * 1.0 + 1 * 5.0) / 5)


def test_without_a_last_known_frame_skill_is_left_out_or_refused(case: Case) -> None:
    unknown = replace(case, persistence_BTCHW=None)

    assert "skill_persistence" not in verify(unknown)
    with pytest.raises(ValueError, match="needs the last known frame"):
        squared_error_persistence(unknown)
    with pytest.raises(ValueError, match="needs the last known frame"):
        Verification().add(unknown)


def test_a_metric_may_be_read_before_the_last_batch(case: Case) -> None:
    verification = Verification()
    verification.add(case)
    first = verification.overall()

    verification.add(case)

    assert verification.overall() == pytest.approx(first)
    assert verification.samples == 10


def test_sums_are_kept_in_double_precision(case: Case) -> None:
    """A thousand batches of one tenth: in single precision the sum drifts in the sixth digit."""
    flat = torch.zeros(1, 1, 1, 3, 3)
    tenth = Case(flat + 0.1, flat, None, torch.ones(3, 3, dtype=torch.bool))
    verification = Verification(with_persistence=False)
    for _ in range(1000):
        verification.add(tenth)

    one = Verification(with_persistence=False)
    one.add(tenth)
    assert verification.overall()["mae"] == pytest.approx(one.overall()["mae"], rel=1e-12)
