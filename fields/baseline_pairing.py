"""Pairs a baseline with a forecast: frames of the same times, leads and members, the same cells.

Shape legend: T frames, H rows, W columns.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.fields.common_frames import common_frames
from fieldsharp.fields.field_matching import match_field
from fieldsharp.fields.pairing import FramePairs, members_of
from fieldsharp.fields.reading import RawField


def pair_baseline(
    pairs: FramePairs, baseline: Path, reference: RawField, observed: RawField
) -> FramePairs:
    """Return the pairs with a baseline in place of the forecast, on the same frames and cells.

    Frames are of the same valid time, lead and member; a baseline without members is compared with
    each member of the forecast.

    Raises:
        DataError: If grids or units do not match, or frames or cells are missing.
    """
    match = match_field(reference, observed, "baseline", baseline)
    in_baseline, in_truth = common_frames(reference, observed, "baseline")
    leads = None if reference.lead_T is None else reference.lead_T[in_baseline]
    members = members_of(reference, in_baseline)
    by_lead = _compared_by_lead(baseline, pairs.lead_T, leads)
    if members is not None and pairs.member_T is None:
        raise DataError(
            f"the baseline {baseline} has several members and the forecast one; write the member "
            "of the baseline that it is compared with into a file of its own"
        )
    by_member = members is not None
    keys = _keys(in_truth, leads if by_lead else None, members)
    baseline_frame = dict(zip(keys, in_baseline, strict=True))
    wanted = _keys(
        pairs.frames, pairs.lead_T if by_lead else None, pairs.member_T if by_member else None
    )
    missing = [key for key in wanted if key not in baseline_frame]
    if missing:
        same = f"times{', leads' if by_lead else ''}{' and members' if by_member else ''}"
        raise DataError(
            f"the baseline {baseline} lacks {len(missing)} of the {len(pairs.frames)} frames the "
            f"forecast is compared on; give a baseline of the same {same}"
        )
    values_THW = match(reference.values_THW[[baseline_frame[key] for key in wanted]])
    unknown = int((pairs.known_THW & ~np.isfinite(values_THW)).any(axis=0).sum())
    if unknown:
        raise DataError(
            f"the baseline {baseline} lacks values in {unknown} of the cells the forecast is "
            "compared on; give a baseline of the same cells"
        )
    return replace(
        pairs,
        pred_THW=values_THW,
        converted=pairs.converted + match.converted,
        by_position=pairs.by_position + match.order.by_position,
    )


def _compared_by_lead(
    baseline: Path,
    ours: npt.NDArray[np.timedelta64] | None,
    theirs: npt.NDArray[np.timedelta64] | None,
) -> bool:
    """Return whether frames are compared by lead too.

    Raises:
        DataError: If only one of two forecasts says its leads, and has several.
    """
    if ours is not None and theirs is not None:
        return True
    for leads in (ours, theirs):
        if leads is not None and len(np.unique(leads)) > 1:
            raise DataError(
                f"only one of the forecast and the baseline {baseline} says how far ahead its "
                "frames are; give both a coordinate of leads"
            )
    return False


def _keys(
    frames: list[int], lead_T: npt.NDArray[np.timedelta64] | None, member_T: tuple[str, ...] | None
) -> list[tuple[int, int, str]]:
    leads = [0] * len(frames) if lead_T is None else lead_T.astype(np.int64).tolist()
    return list(zip(frames, leads, member_T or [""] * len(frames), strict=True))
