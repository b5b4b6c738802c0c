"""Checkpoints of a training as bytes, and weights of a predictor as a file.

The only place that reads torch's own format, and only with ``weights_only=True``: tensors, numbers
and text, never code.
"""

import errno
import io
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from fieldsharp.core.errors import DataError, TrainingFailed
from fieldsharp.core.memory import require_memory
from fieldsharp.core.partial_file import make_empty, partial_path
from fieldsharp.model.training import State


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after an epoch: all that it needs to go on.

    Attributes:
        fingerprint: Of the settings and data of the training; a checkpoint of others is not used.
        trainer: See ``model.training.Trainer.state``.
        reports: The reports of the epochs so far, as text.
        seconds: Wall time the training has taken so far.
    """

    fingerprint: str
    trainer: State
    reports: str
    seconds: float


def encode(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as bytes."""
    buffer = io.BytesIO()
    torch.save(vars(checkpoint), buffer)
    return buffer.getvalue()


def decode(content: bytes) -> Checkpoint:
    """Return the checkpoint in these bytes, its tensors on the CPU.

    Raises:
        TrainingFailed: If they hold none; no code in them is ever run.
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


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file that somebody saved by torch, on the CPU.

    Returns:
        By the keys of a dictionary; a single tensor by "".

    Raises:
        DataError: If it is damaged, holds none, or code that would have to be run.
    """
    require_memory(path.stat().st_size, str(path))
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path} cannot be read as tensors ({reason}); write a tensor, or a dictionary of "
            "tensors, with torch.save"
        ) from error
    tree = found if isinstance(found, dict) else {"": found}
    tensors = {str(key): t.detach() for key, t in tree.items() if isinstance(t, torch.Tensor)}
    if not tensors:
        raise DataError(f"{path} holds no tensor; write one, or a dictionary of them")
    return tensors


def save_weights(predictor: nn.Module, path: Path) -> None:
    """Write the weights as safetensors, for this user alone.

    Raises:
        OSError: If they cannot be written; nothing half-written is left behind.
    """
    partial = partial_path(path)
    try:
        make_empty(partial)
        save_model(predictor, str(partial))
        partial.chmod(0o600)  # whatever the library made it
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except SafetensorError as error:
        partial.unlink(missing_ok=True)
        raise OSError(errno.EIO, str(error)) from error
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def load_weights(predictor: nn.Module, path: Path) -> None:
    """Read weights into a predictor built as the one that was saved.

    Raises:
        RuntimeError: If the weights do not fit the predictor.
        safetensors.SafetensorError: If the file is no safetensors file.
    """
    load_model(predictor, str(path))
