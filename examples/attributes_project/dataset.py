import numpy as np
import torch
import xarray as xr
from torch.utils.data import Dataset


def prepare_data(configs):
    """Split by time into training, validation; scale by the training part; sea becomes 0."""
    with xr.open_dataset(configs.data_path, engine="h5netcdf") as ds:
        values = ds[configs.variable].values * 1000  # g/kg
    split = int(len(values) * 0.7), int(len(values) * 0.85)
    train, valid = values[: split[0]], values[split[0] : split[1]]
    land = np.isfinite(values).all(axis=0)
    mean, std = train[:, land].mean(), train[:, land].std()
    return train, valid, land, mean, std


class HumidityDataset(Dataset):
    def __init__(self, values, mean, std, configs):
        self.frames = torch.from_numpy(np.nan_to_num((values - mean) / std)).float()
        self.n_in, self.step = configs.input_length, configs.frame_interval
        self.length = (self.n_in + configs.output_length - 1) * self.step + 1
        self.interval = configs.sample_interval

    def __len__(self):
        return (len(self.frames) - self.length) // self.interval + 1

    def __getitem__(self, idx):
        start = idx * self.interval
        seq = self.frames[start : start + self.length : self.step, None]
        return seq[: self.n_in], seq[self.n_in :]
