"""What a net of a library must do to be trained, saved and used: tried before the first trial."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_model, save_model

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.by_path.foreign_code import foreign_code
from fieldsharp.model.predictors.by_path.library_net import LibraryNet
from fieldsharp.model.predictors.by_path.recipe import one_line

Tensor = torch.Tensor
SEEDS = (1, 2)
ROUNDING = 1e-3
"""Largest share of a forecast by which another order of sums may change it."""


def test_of_itself(net: LibraryNet) -> None:
    """Try a net on noise.

    Raises:
        ConfigError: If it keeps a state, draws random numbers in evaluation mode, mixes the samples
            of a batch, cannot be trained on one sample, or has parts that are not saved.
    """
    state = torch.get_rng_state()
    try:
        _require_the_same_again(net)
        _require_samples_apart(net)
        _require_a_gradient(net)
        _require_saved(net)
    finally:
        torch.set_rng_state(state)


def _require_the_same_again(net: LibraryNet) -> None:
    name = net.recipe.net
    first = _evaluated(net, SEEDS[0])
    again = _difference(first, _evaluated(net, SEEDS[0]))
    if again:
        raise ConfigError(
            f"{name} gives another output when it is called again on the same images (by up to "
            f"{again:.2g}): it keeps a state between calls; a predictor must start afresh each time"
        )
    drawn = _difference(first, _evaluated(net, SEEDS[1]))
    if drawn:
        raise ConfigError(
            f"{name} draws random numbers in evaluation mode too (outputs differ by up to "
            f"{drawn:.2g}); let dropout and noise depend on self.training"
        )


def _require_samples_apart(net: LibraryNet) -> None:
    alone, together = _evaluated(net, SEEDS[0]), _evaluated(net, SEEDS[0], batch=2)
    difference = _difference(alone, together[:1])
    if not difference <= ROUNDING * float(together.abs().max()):
        raise ConfigError(
            f"the output of {net.recipe.net} for one sample depends on the others of its batch (by "
            f"up to {difference:.2g}); let statistics of a batch depend on self.training"
        )


def _require_a_gradient(net: LibraryNet) -> None:
    net.train()
    try:
        net.called().square().mean().backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise ConfigError(
            f"{net.recipe.net} cannot be trained: its output has no gradient ({one_line(error)})"
        ) from error
    finally:
        net.zero_grad(set_to_none=True)


def _require_saved(net: LibraryNet) -> None:
    fix = "keep all that the forecast depends on in parameters or persistent buffers"
    before = _evaluated(net, SEEDS[0])
    torch.manual_seed(SEEDS[1])
    other = net.again()
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "weights.safetensors")
        try:
            with foreign_code():
                save_model(net, path)
                load_model(other, path)
        except Exception as error:
            raise ConfigError(
                f"the weights of {net.recipe.net} cannot be saved and loaded ({one_line(error)})"
            ) from error
    difference = _difference(before, _evaluated(other, SEEDS[0]))
    if difference:
        raise ConfigError(
            f"with its saved weights {net.recipe.net} gives another output (by up to "
            f"{difference:.2g}); {fix}"
        )


def _evaluated(net: LibraryNet, seed: int, batch: int = 1) -> Tensor:
    net.eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        return net.called(batch)


def _difference(one: Tensor, other: Tensor) -> float:
    return 0.0 if torch.equal(one, other) else float((one - other).abs().max())
