"""Trains a small network to forecast humidity, and writes its forecast of the validation part."""

from pathlib import Path

import config
import numpy as np
import torch
import xarray as xr
from spatial_analysis import analyse
from torch import nn
from torch.nn import functional


def load():
    """Return the field scaled to 0..1, sea filled with the mean, with its mask, times, limits."""
    with xr.open_dataset(config.DATA_PATH) as dataset:
        field = dataset[config.VARIABLE].load()
    values = field.values.astype(np.float64)
    mask = np.isfinite(values).all(axis=0)
    known = values[: int(config.TRAIN_SHARE * len(values))][:, mask]
    low, high = known.min(), known.max()
    scaled = np.where(mask, (values - low) / (high - low), (known.mean() - low) / (high - low))
    return field, torch.tensor(scaled, dtype=torch.float32), torch.tensor(mask), low, high


def samples(first, last):
    """Return the frames given and the frame wanted, for each window between two frames."""
    reach = (config.HISTORY - 1 + config.LEAD) * config.STRIDE
    starts = torch.arange(first, last - reach)
    given = starts[:, None] + config.STRIDE * torch.arange(config.HISTORY)
    return given, starts + reach


class Network(nn.Module):
    """Predicts the change from the last frame."""

    def __init__(self):
        super().__init__()
        width = config.HIDDEN_WIDTH
        self.layers = nn.Sequential(
            nn.Conv2d(config.HISTORY, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, history):
        return history[:, -1] + self.layers(history)[:, 0]


def gradients(field):
    """Return the differences between neighbours in both directions."""
    return field[..., 1:, :] - field[..., :-1, :], field[..., :, 1:] - field[..., :, :-1]


def gradient_loss(forecast, truth, mask):
    """Return how far the gradients of a forecast are from those of the truth."""
    total = 0.0
    inside = mask[1:, :] & mask[:-1, :], mask[:, 1:] & mask[:, :-1]
    for ours, theirs, known in zip(gradients(forecast), gradients(truth), inside, strict=True):
        if config.GRADIENT_LOSS == "magnitude":
            total = total + (ours[..., known].abs().mean() - theirs[..., known].abs().mean()).abs()
        else:
            total = total + (ours - theirs)[..., known].abs().mean()
    return total


def forecast_all(network, frames, given):
    network.eval()
    with torch.no_grad():
        return torch.cat([network(frames[part]) for part in given.split(64)])


def main():
    torch.manual_seed(config.SEED)
    field, frames, mask, low, high = load()
    train_end = int(config.TRAIN_SHARE * len(frames))
    validation_end = train_end + int(config.VALIDATION_SHARE * len(frames))
    given, wanted = samples(0, train_end)
    given_later, wanted_later = samples(train_end, validation_end)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=config.LEARNING_RATE)
    sea = ~mask.numpy()
    truth = np.where(sea, np.nan, field.values[wanted_later.numpy()])
    for epoch in range(1, config.EPOCHS + 1):
        network.train()
        for batch in torch.randperm(len(wanted)).split(config.BATCH_SIZE):
            forecast, target = network(frames[given[batch]]), frames[wanted[batch]]
            loss = functional.mse_loss(forecast[:, mask], target[:, mask])
            if config.GRADIENT_LOSS_WEIGHT > 0:
                loss = loss + config.GRADIENT_LOSS_WEIGHT * gradient_loss(forecast, target, mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        forecast = forecast_all(network, frames, given_later).numpy() * (high - low) + low
        forecast[:, sea] = np.nan
        found = analyse(forecast, truth)
        print(
            f"epoch {epoch}/{config.EPOCHS}: gradient {found['gradient']:.4e}, "
            f"peak {found['peak']:.4e}, rmse {found['rmse']:.4e}"
        )
    output = Path(config.OUTPUT_DIR)
    output.mkdir(exist_ok=True)
    times = field.isel(time=wanted_later.numpy())
    for name, values in (("forecast", forecast), ("truth", truth)):
        times.copy(data=values).to_netcdf(output / f"{name}.nc", engine="h5netcdf")


if __name__ == "__main__":
    main()
