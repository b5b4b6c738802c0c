import numpy as np
import torch
import xarray as xr


class HourlyField:
    """Hourly frames of one variable, normalised with the training part."""

    def __init__(self, path, variable, scale, history, leads, every, split):
        with xr.open_dataset(path, engine="h5netcdf") as ds:
            values = ds[variable].values * scale
        self.mask = torch.tensor(np.isfinite(values).all(axis=0))
        self.history, self.leads, self.every = history, list(leads), every
        self.ends = [int(len(values) * sum(split[:n])) for n in range(len(split) + 1)]
        land = values[: self.ends[1], self.mask.numpy()]
        self.mean, self.std = float(land.mean()), float(land.std())
        self.frames = torch.tensor((values - self.mean) / self.std).nan_to_num(0.0).float()

    def samples(self, part):
        """Past [N, history, H, W] and future [N, leads, H, W] frames; part 0 is train, 1 val."""
        first = torch.arange(
            self.ends[part] + self.history - 1, self.ends[part + 1] - max(self.leads), self.every
        )
        past = torch.arange(-self.history + 1, 1)
        return self.frames[first[:, None] + past], self.frames[
            first[:, None] + torch.tensor(self.leads)
        ]

    def denormalise(self, frames):
        values = frames * self.std + self.mean
        return torch.where(self.mask, values, torch.nan)
