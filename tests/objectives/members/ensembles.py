"""Ensembles that are tried on simulated fields, honest ones and cheats, and the right answers.

Shape legend: K member, B window, T lead, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from fieldsharp.objectives.sharpness import mean_gradient, peak
from tests.objectives.members.scenes import Floats, Scene

TARGET_SHARE = 0.95
Ensemble = Callable[[Scene, np.random.Generator], Floats]


@dataclass(frozen=True)
class Tried:
    """An ensemble and the right answer.

    Attributes:
        made: The ensemble.
        guards: Those that refuse it, each of them on every field; none where none has to.
        no_better: Whether it is no better than the references by more than chance.
    """

    made: Ensemble
    guards: tuple[str, ...] = ()
    no_better: bool = False


def perfect(scene: Scene, _: np.random.Generator) -> Floats:
    """What may come, drawn from the distribution that the truth was drawn from."""
    return scene.members_KBTHW


def copies_of_one(scene: Scene, _: np.random.Generator) -> Floats:
    """One sharp member, given out eight times."""
    return np.repeat(scene.members_KBTHW[:1], len(scene.members_KBTHW), axis=0)


def copies_of_mean(scene: Scene, _: np.random.Generator) -> Floats:
    """The baseline, given out eight times."""
    return np.repeat(scene.mean_BTHW[None], len(scene.members_KBTHW), axis=0)


def half_copies(scene: Scene, _: np.random.Generator) -> Floats:
    """Every second member is that before it."""
    return np.repeat(scene.members_KBTHW[::2], 2, axis=0)


def one_copy(scene: Scene, _: np.random.Generator) -> Floats:
    """The last member is that before it."""
    return np.concatenate([scene.members_KBTHW[:-1], scene.members_KBTHW[-2:-1]])


def shuffled_copies(scene: Scene, rng: np.random.Generator) -> Floats:
    """Half of the members are copies; which, changes from window to window."""
    found = half_copies(scene, rng).copy()
    for window in range(scene.windows):
        found[:, window] = rng.permutation(found[:, window])
    return found


def nearly_copies(scene: Scene, rng: np.random.Generator) -> Floats:
    """The same with a little of another member in each."""
    return shuffled_copies(scene, rng) * 0.85 + 0.15 * scene.members_KBTHW


def white_noise(scene: Scene, rng: np.random.Generator) -> Floats:
    """The baseline with white noise that makes up for the gradient."""
    return _met(scene, scene.mean_BTHW, rng.standard_normal(scene.members_KBTHW.shape))


def smooth_noise(scene: Scene, rng: np.random.Generator) -> Floats:
    """The baseline with noise that has the spectrum of its errors."""
    size = (len(scene.members_KBTHW), scene.windows)
    errors = scene.errors_ETHW[rng.integers(0, len(scene.errors_ETHW), size)]
    turn = np.fft.fft2(rng.standard_normal((*size, 1, *errors.shape[-2:])))
    noise = np.fft.ifft2(np.fft.fft2(errors) * turn / np.abs(turn)).real
    return scene.mean_BTHW + noise


def noisy_member(scene: Scene, rng: np.random.Generator) -> Floats:
    """The baseline seven times and once with so much noise that the mean gradient is right."""
    noise = _smooth(scene, rng)
    noise[1:] *= 0.05
    return _met(scene, scene.mean_BTHW, noise)


def noisy_member_at_random(scene: Scene, rng: np.random.Generator) -> Floats:
    """The same; which member is noisy changes from window to window."""
    found = noisy_member(scene, rng)
    for window in range(scene.windows):
        found[:, window] = rng.permutation(found[:, window])
    return found


def unrelated(scene: Scene, rng: np.random.Generator) -> Floats:
    """Fields that were observed at other times."""
    size = (len(scene.members_KBTHW), scene.windows)
    return scene.others_ETHW[rng.integers(0, len(scene.others_ETHW), size)]


def too_sure(scene: Scene, _: np.random.Generator) -> Floats:
    """Perfect members drawn half-way to their mean."""
    return scene.mean_BTHW + 0.5 * (scene.members_KBTHW - scene.mean_BTHW)


def too_wide(scene: Scene, _: np.random.Generator) -> Floats:
    """Perfect members twice as far from their mean."""
    return scene.mean_BTHW + 2.0 * (scene.members_KBTHW - scene.mean_BTHW)


def contrast_raised(scene: Scene, _: np.random.Generator) -> Floats:
    """Perfect members with all departures from the usual field 1.3 times as large."""
    usual: Floats = scene.others_ETHW.mean(axis=(0, 1))
    return usual + 1.3 * (scene.members_KBTHW - usual)


def old_frames(scene: Scene, _: np.random.Generator) -> Floats:
    """The last known frame, moved on by as many different ways as there are members."""
    members = len(scene.members_KBTHW)
    ways = [np.roll(scene.last_BHW, (k % 3 - 1, k - members // 2), (1, 2)) for k in range(members)]
    return np.repeat(np.stack(ways)[:, :, None], scene.truth_BTHW.shape[1], axis=2)


def persistence(scene: Scene, rng: np.random.Generator) -> Floats:
    """The last known frame with a little smooth noise."""
    return scene.last_BHW[None, :, None] + 0.3 * _smooth(scene, rng)


def checkerboard(scene: Scene, rng: np.random.Generator) -> Floats:
    """Perfect members drawn to their mean, and a checkerboard of either sign on each."""
    y, x = np.indices(scene.truth_BTHW.shape[-2:])
    sign = rng.choice([-1.0, 1.0], (*scene.members_KBTHW.shape[:3], 1, 1))
    sure = scene.mean_BTHW + 0.8 * (scene.members_KBTHW - scene.mean_BTHW)
    found: Floats = sure + 0.25 * scene.truth_BTHW.std() * sign * (-1.0) ** (y + x)
    return found


def spikes(scene: Scene, rng: np.random.Generator) -> Floats:
    """Smoothed perfect members; the highest cell of each is raised until the mean peak is right."""
    found = blurred(scene, rng, 1.2)
    highest = np.where(scene.mask_HW.numpy(), found, -np.inf)
    place = highest.reshape(*found.shape[:3], -1).argmax(axis=-1)
    short = _peak(scene, scene.truth_BTHW[None]).mean((0, 1)) - _peak(scene, found).mean((0, 1))
    flat = found.reshape(*found.shape[:3], -1)
    raised = np.take_along_axis(flat, place[..., None], -1) + short[:, None]
    np.put_along_axis(flat, place[..., None], raised, -1)
    return flat.reshape(found.shape)


def wrong_windows(scene: Scene, rng: np.random.Generator) -> Floats:
    """Perfect members, each window's given for another."""
    return np.roll(scene.members_KBTHW, 1 + rng.integers(0, scene.windows - 2), axis=1)


def moved_too_far(scene: Scene, rng: np.random.Generator) -> Floats:
    """Perfect members, each moved by some cells in any direction."""
    found = scene.members_KBTHW.copy()
    for one in found.reshape(-1, *found.shape[2:]):
        angle = rng.uniform(0, 2 * np.pi)
        one[:] = np.roll(one, np.rint([4 * np.sin(angle), 4 * np.cos(angle)]).astype(int), (1, 2))
    return found


def blurred(scene: Scene, _: np.random.Generator, size: float = 0.7) -> Floats:
    """Perfect members, smoothed."""
    found: Floats = ndimage.gaussian_filter(scene.members_KBTHW, (0, 0, 0, size, size), mode="wrap")
    return found


def grainy(scene: Scene, rng: np.random.Generator) -> Floats:
    """Smoothed perfect members with white noise that makes up for the gradient."""
    return _met(scene, blurred(scene, rng, 1.0), rng.standard_normal(scene.members_KBTHW.shape))


def biased(scene: Scene, _: np.random.Generator) -> Floats:
    """Perfect members, all of them too high by half a standard deviation."""
    found: Floats = scene.members_KBTHW + 0.5 * scene.truth_BTHW.std()
    return found


def _smooth(scene: Scene, rng: np.random.Generator) -> Floats:
    return smooth_noise(scene, rng) - scene.mean_BTHW


def _met(scene: Scene, start: Floats, added_KBTHW: Floats) -> Floats:
    """Return as much of something added, at each lead, as the gradient target asks for."""
    target_T = TARGET_SHARE * _gradient(scene, scene.truth_BTHW[None])
    low_T, high_T = np.zeros(len(target_T)), np.full(len(target_T), 64.0 * scene.truth_BTHW.std())
    for _ in range(16):
        middle_T = (low_T + high_T) / 2
        short_T = _gradient(scene, start + middle_T[:, None, None] * added_KBTHW) < target_T
        low_T, high_T = np.where(short_T, middle_T, low_T), np.where(short_T, high_T, middle_T)
    found: Floats = start + high_T[:, None, None] * added_KBTHW
    return found


def _gradient(scene: Scene, fields_KBTHW: Floats) -> Floats:
    fields = torch.from_numpy(fields_KBTHW).flatten(0, 1)[:, :, None]
    return np.asarray(mean_gradient(fields, scene.mask_HW).mean(dim=0))


def _peak(scene: Scene, fields_KBTHW: Floats) -> Floats:
    fields = torch.from_numpy(fields_KBTHW)[..., None, :, :]
    found = [np.asarray(peak(one, scene.mask_HW)) for one in fields]
    return np.stack(found)


TRIED: Mapping[str, Tried] = {
    "perfect": Tried(perfect),
    "smoothed": Tried(blurred),
    "copies of a sharp member": Tried(
        copies_of_one, ("spread_least", "copies", "alike", "mean_rmse")
    ),
    "copies of the baseline": Tried(copies_of_mean, ("spread_least", "copies", "alike")),
    "half are copies": Tried(half_copies, ("copies", "alike")),
    "one is a copy": Tried(one_copy, ("copies",)),
    "half are copies, shuffled": Tried(shuffled_copies, ("alike",)),
    "half are nearly copies": Tried(nearly_copies, ("alike",)),
    "white noise": Tried(white_noise, ("spectrum_small", "roughness", "forward_sobel")),
    "noise of the errors' spectrum": Tried(smooth_noise, no_better=True),
    "one noisy, seven blurred": Tried(noisy_member, ("uneven_gradients", "copies")),
    "the noisy one at random": Tried(noisy_member_at_random, ("uneven_gradients",)),
    "fields of other times": Tried(unrelated, ("correlation", "gradient_correlation", "mean_rmse")),
    "too sure": Tried(too_sure, ("spread_least",)),
    "too wide": Tried(too_wide, ("spread_most", "standard_deviation", "spectrum_small")),
    "contrast raised": Tried(contrast_raised, ("standard_deviation",)),
    "last frame, moved": Tried(old_frames, ("mean_rmse",)),
    "last frame, little noise": Tried(persistence, ("change", "spread_least")),
    "checkerboard": Tried(checkerboard, ("forward_sobel", "roughness")),
    "a spike each": Tried(spikes, ("spike",)),
    "noise for detail": Tried(grainy, ("spectrum_small", "roughness")),
    "members of other windows": Tried(
        wrong_windows, ("correlation", "gradient_correlation", "mean_rmse")
    ),
    "moved too far": Tried(moved_too_far, ("gradient_correlation", "mean_rmse")),
    "all too high": Tried(biased, ("mean_rmse",)),
}
