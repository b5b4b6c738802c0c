import lightning as L
import numpy as np
import torch
import xarray as xr
from torch.utils.data import DataLoader, TensorDataset


class FieldData(L.LightningDataModule):
    """Hours of one variable over land, as departures from the training mean in g kg-1."""

    def __init__(
        self,
        path: str,
        variable: str = "Qair",
        history: int = 6,
        leads: list[int] = (3, 6),
        batch_size: int = 32,
    ):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        with xr.open_dataset(self.hparams.path, engine="h5netcdf") as dataset:
            values = dataset[self.hparams.variable].values * 1000  # g kg-1
        train_end, val_end = int(0.7 * len(values)), int(0.85 * len(values))
        self.mean = float(np.nanmean(values[:train_end]))
        self.land = torch.tensor(np.isfinite(values).all(axis=0))
        self.frames = torch.tensor(values - self.mean).nan_to_num(0.0).float()
        self.train, self.val = self._samples(0, train_end), self._samples(train_end, val_end)

    def _samples(self, first: int, end: int) -> TensorDataset:
        history, leads = self.hparams.history, torch.tensor(self.hparams.leads)
        now = torch.arange(first + history - 1, end - int(leads.max()), 2)[:, None]
        past = self.frames[now - torch.arange(history).flip(0)]
        return TensorDataset(past, self.frames[now + leads], self.land.expand(len(now), -1, -1))

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, self.hparams.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, self.hparams.batch_size)
