"""Metrics of paired frames of files, in batches of frames with the same known cells."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.fields.pairing import FramePairs
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.trials.file_climatology import typical_cells
from fieldsharp.sweep.trials.file_sharpening import FileSharpeners, as_samples
from fieldsharp.sweep.trials.forecast_series import one_pair_a_time

BATCH_FRAMES = 64


def variation_of_truth(
    pairs: FramePairs, climatology: Climatology, geometry: GridGeometry | None
) -> FieldVariation:
    """Return how much the truth of the paired frames varies in time."""
    pairs = one_pair_a_time(pairs)
    variation = TruthVariation(len(pairs.known_THW))
    for frames in _frames_by_mask(pairs):
        mask_HW = pairs.known_THW[frames[0]]
        for first in range(0, len(frames), BATCH_FRAMES):
            chunk = frames[first : first + BATCH_FRAMES]
            target_BTCHW = as_samples(pairs.target_THW[chunk], mask_HW)
            batch = VerificationBatch(
                target_BTCHW,
                target_BTCHW,
                None,
                torch.from_numpy(mask_HW),
                climatology,
                geometry=geometry,
            )
            variation.add(batch, torch.tensor(chunk))
    return variation.variation(typical_cells(pairs.target_THW, pairs.known_THW))


def _frames_by_mask(pairs: FramePairs) -> list[list[int]]:
    """Return the frames with the same known cells, by those."""
    frames_by_mask: dict[bytes, list[int]] = {}
    for frame, known_HW in enumerate(pairs.known_THW):
        frames_by_mask.setdefault(known_HW.tobytes(), []).append(frame)
    return list(frames_by_mask.values())


def evaluate_frames(
    pairs: FramePairs,
    climatology: Climatology,
    sharpeners: FileSharpeners | None,
    geometry: GridGeometry | None,
) -> dict[str, MetricValues]:
    """Return every metric over all frames as they are, by the name none, and under each sharpener.

    Computed in batches of frames with the same known cells.
    """
    names = (NO_SHARPENER, *(sharpeners.parameters if sharpeners else ()))
    verifications = {name: Verification(with_persistence=False) for name in names}
    for frames in _frames_by_mask(pairs):
        mask_HW = pairs.known_THW[frames[0]]
        sharpen = sharpeners.on(mask_HW) if sharpeners else {}
        for first in range(0, len(frames), BATCH_FRAMES):
            chunk = frames[first : first + BATCH_FRAMES]
            batch = VerificationBatch(
                pred_BTCHW=as_samples(pairs.pred_THW[chunk], mask_HW),
                target_BTCHW=as_samples(pairs.target_THW[chunk], mask_HW),
                persistence_BTCHW=None,
                mask_HW=torch.from_numpy(mask_HW),
                climatology=climatology,
                geometry=geometry,
            )
            verifications[NO_SHARPENER].add(batch)
            for name, sharpener in sharpen.items():
                pred_BTCHW = sharpener(batch.pred_BTCHW)
                sharpened = replace(batch, pred_BTCHW=pred_BTCHW, known_truth=batch.truth)
                verifications[name].add(sharpened)
    return {name: found.metric_values() for name, found in verifications.items()}


def metrics_of_frames(
    pairs: FramePairs, climatology: Climatology, geometry: GridGeometry | None
) -> Mapping[str, float]:
    """Return every metric over all frames as they are."""
    return evaluate_frames(pairs, climatology, None, geometry)[NO_SHARPENER].overall
