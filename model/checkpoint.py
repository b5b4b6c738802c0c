"""A checkpoint: all that a training needs to go on after an epoch, as bytes and back.

The only place that reads torch's own format, and only with ``weights_only=True``: tensors, numbers
and text, never code.
"""

import io
from dataclasses import dataclass

import torch

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.training import State


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands.

    Attributes:
        fingerprint: Of the settings and data of the training; another's is not gone on with.
        trainer: See ``model.training.Trainer.state``.
        reports: What was reported of the epochs so far, as text.
        seconds: Wall time the training has taken so far.
    """

    fingerprint: str
    trainer: State
    reports: str
    seconds: float


def encode(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as bytes."""
    buffer = io.BytesIO()
    fields = {
        "fingerprint": checkpoint.fingerprint,
        "trainer": checkpoint.trainer,
        "reports": checkpoint.reports,
        "seconds": checkpoint.seconds,
    }
    torch.save(fields, buffer)
    return buffer.getvalue()


def decode(content: bytes) -> Checkpoint:
    """Return the checkpoint these bytes stand for, its tensors on the CPU.

    Raises:
        TrainingFailed: If they stand for none; nothing in them is ever run.
    """
    try:
        fields = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return Checkpoint(
            str(fields["fingerprint"]),
            fields["trainer"],
            str(fields["reports"]),
            float(fields["seconds"]),
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingFailed(f"a checkpoint cannot be read ({reason}); remove it") from error
