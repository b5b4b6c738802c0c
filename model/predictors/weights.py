"""The weights of a predictor as a file."""

from pathlib import Path

from safetensors.torch import load_model, save_model
from torch import nn


def save_weights(predictor: nn.Module, path: Path) -> None:
    """Write the weights as safetensors."""
    save_model(predictor, str(path))


def load_weights(predictor: nn.Module, path: Path) -> None:
    """Read weights into a predictor built as the one that was saved.

    Raises:
        RuntimeError: If the weights do not fit the predictor.
        safetensors.SafetensorError: If the file is no safetensors file.
    """
    load_model(predictor, str(path))
