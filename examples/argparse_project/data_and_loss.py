import numpy as np
import torch
import torch.nn.functional as F
import xarray as xr


def load_frames(path, name, factor=1.0):
    """Return normalised frames [T, H, W], the land mask, and the mean and std of the first 70 %."""
    v = xr.open_dataset(path, engine="h5netcdf")[name].values * factor
    mask = np.isfinite(v).all(0)
    known = v[: int(0.7 * len(v)), mask]
    mean, std = known.mean(), known.std()
    v = np.where(mask, (v - mean) / std, 0.0)
    return torch.from_numpy(v).float(), torch.from_numpy(mask), float(mean), float(std)


def make_windows(frames, n_past, leads, step=2):
    now = torch.arange(n_past - 1, len(frames) - max(leads), step).unsqueeze(1)
    past = torch.arange(1 - n_past, 1)
    return frames[now + past], frames[now + torch.tensor(leads)]


class Gradient:
    """Sobel gradient magnitude, in units per cell."""

    def __init__(self):
        k = torch.tensor([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]) / 8
        self.k = torch.stack([k, k.t()]).unsqueeze(1)

    def __call__(self, x, mask):
        g = F.conv2d(x.nan_to_num().flatten(0, 1).unsqueeze(1), self.k)
        inside = -F.max_pool2d(-mask[None].float(), 3, stride=1)[0] > 0
        return g.square().sum(1).add(1e-12).sqrt()[..., inside]

    def loss(self, x, y, mask):
        return (self(x, mask).mean(-1) - self(y, mask).mean(-1)).abs().mean()
