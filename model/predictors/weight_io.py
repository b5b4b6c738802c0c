"""The weights of a predictor as a file."""

import errno
import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from fieldsharp.core.partial_file import make_empty, partial_path


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
