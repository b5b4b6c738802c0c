"""Checkpoints: a training that goes on from one ends bit by bit as one that was never left.

And what is no checkpoint is refused, with nothing in it run.
"""

import io
import itertools
import pickle  # noqa: TID251 - to make what must be refused
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.checkpoint import Checkpoint, decode, encode
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.model.training import Trainer
from tests.model.test_training import BUILDERS, SHAPE, Recorder, trainer_of

EPOCHS = 4


def _trainer(name: str, warmup: float = 0.05) -> Trainer:
    torch.manual_seed(3)
    return trainer_of(
        BUILDERS[name](),
        epochs=EPOCHS,
        warmup_fraction=warmup,
        teacher_forcing_fraction=0.9,
        weight_decay=0.1,
    )


def _weights(trainer: Trainer) -> torch.Tensor:
    return nn.utils.parameters_to_vector(trainer.predictor.parameters()).detach().clone()


def _through_bytes(trainer: Trainer) -> Checkpoint:
    return decode(encode(Checkpoint("f", trainer.state(), "[]", 1.5)))


def _left_after(name: str, epochs: int, warmup: float = 0.05) -> tuple[list[EpochLosses], bytes]:
    trainer = _trainer(name, warmup)
    losses = list(itertools.islice(trainer.epochs(), epochs))
    return losses, encode(Checkpoint("f", trainer.state(), "[]", 1.5))


@pytest.mark.parametrize("warmup", [0.0, 0.4])
@pytest.mark.parametrize("name", BUILDERS)
def test_going_on_after_any_epoch_gives_the_same_bits(name: str, warmup: float) -> None:
    whole = _trainer(name, warmup)
    losses = list(whole.epochs())
    for epochs in range(1, EPOCHS + 1):
        before, content = _left_after(name, epochs, warmup)
        torch.rand(epochs)  # the worker does something else meanwhile
        heir = _trainer(name, warmup)
        torch.manual_seed(99)
        heir.restore(decode(content).trainer)
        after = list(heir.epochs())
        assert before + after == losses, f"left after epoch {epochs}"
        assert torch.equal(_weights(heir), _weights(whole)), f"left after epoch {epochs}"


def test_a_checkpoint_holds_what_was_put_in() -> None:
    trainer = trainer_of(epochs=1)
    found = _through_bytes(trainer)
    assert (found.fingerprint, found.reports, found.seconds) == ("f", "[]", 1.5)
    assert found.trainer.keys() == trainer.state().keys()


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[Path]]:
            return Path.touch, (trap,)

    state = {"fingerprint": "f", "trainer": Trap(), "reports": "[]", "seconds": 1.0}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    for content in (buffer.getvalue(), pickle.dumps(state, protocol=2)):
        with pytest.raises(TrainingFailed, match="a checkpoint cannot be read"):
            decode(content)
    assert not trap.exists()


def test_whatever_the_bytes_are_they_are_a_checkpoint_or_refused() -> None:
    whole = encode(Checkpoint("f", trainer_of(Recorder(), epochs=1).state(), "[]", 1.5))
    damaged = [b"", b"PK", whole[: len(whole) // 2], whole[:-1], b"\x80\x02" + whole]
    damaged += [
        pickle.dumps(thing, protocol=2) for thing in (None, [], [1], "text", {"fingerprint": 1}, 3)
    ]
    for place in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        damaged.append(bytes(flipped))
    refused = 0
    for content in damaged:
        with suppress(TrainingFailed):
            decode(content)
            continue
        refused += 1
    assert refused > 10


@pytest.mark.parametrize("spoil", ["shape", "part", "optimizer", "random", "nothing"])
def test_a_state_that_does_not_fit_is_refused_and_leaves_the_training_as_it_was(spoil: str) -> None:
    undisturbed = _weights_after(_trainer("unet"))
    state = decode(_left_after("unet", 2)[1]).trainer
    weights = state["predictor"]
    last = list(weights)[-1]
    if spoil == "shape":  # the others fit, and torch takes them over before it says so
        weights[last] = torch.zeros(7, 7)
    elif spoil == "part":
        del weights[last]
    elif spoil == "optimizer":
        state["optimizer"]["param_groups"] = []
    elif spoil == "random":
        state["random"] = {"cpu": torch.zeros(3)}
    else:
        del state["epochs_done"]
    heir = _trainer("unet")
    with pytest.raises(TrainingFailed, match="a checkpoint does not fit its training"):
        heir.restore(state)
    assert heir.epochs_done == 0
    assert torch.equal(_weights_after(heir), undisturbed)


def _weights_after(trainer: Trainer) -> torch.Tensor:
    list(trainer.epochs())
    return _weights(trainer)


@pytest.mark.parametrize("batch", [2, 3])
def test_half_a_batch_at_a_time_is_the_same_step(batch: int) -> None:
    """The network has no statistics of a batch; 7 windows leave a last batch of one."""
    found = []
    for parts in (1, 2):
        torch.manual_seed(3)
        trainer = trainer_of(_Linear(), epochs=2, batch_size=batch, clip_norm=0.1)
        trainer.micro_batches = parts
        losses = [value for e in trainer.epochs() for value in (e.total, e.base, e.term, e.peak)]
        found.append((losses, _weights(trainer)))
    (losses, weights), (halved_losses, halved_weights) = found
    assert halved_losses == pytest.approx(losses, rel=1e-5)
    assert torch.allclose(halved_weights, weights, rtol=1e-4, atol=1e-6)


def test_half_a_batch_at_a_time_shows_the_network_half_a_batch() -> None:
    recorder = Recorder()
    trainer = trainer_of(recorder, epochs=1)
    trainer.micro_batches = 2
    list(trainer.epochs())
    assert recorder.batches == [2, 1, 2, 1, 1]


class _Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(SHAPE.history, SHAPE.horizon, 3, padding=1)

    def forward(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        forecast: torch.Tensor = self.layer(history_BTCHW[:, :, 0])[:, :, None]
        return forecast
