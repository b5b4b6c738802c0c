import lightning as L
import torch
from torch import nn
from torch.nn import functional


class Forecaster(L.LightningModule):
    def __init__(
        self,
        history: int = 6,
        frames_out: int = 2,
        width: int = 24,
        learning_rate: float = 2e-3,
        gradient_weight: float = 0.0,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            nn.Conv2d(history, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, frames_out, 3, padding=1),
        )

    def forward(self, past):
        return past[:, -1:] + self.network(past / 2)

    def training_step(self, batch, batch_idx):
        past, future, land = batch
        forecast = self(past)
        error = functional.mse_loss(forecast[:, :, land[0]], future[:, :, land[0]])
        ours, theirs = (self._gradient(field, land[0]) for field in (forecast, future))
        gap = functional.l1_loss(ours.mean(-1), theirs.mean(-1))
        self.log_dict({"train/mse": error, "train/gradient_gap": gap})
        return error + self.hparams.gradient_weight * gap

    def validation_step(self, batch, batch_idx):
        past, future, land = batch
        forecast, land = self(past), land[0]
        self.log("val/mse", functional.mse_loss(forecast[:, :, land], future[:, :, land]))
        self.log("val/gradient", self._gradient(forecast, land).mean())
        wettest = forecast[:, :, land].amax(-1).mean() + self.trainer.datamodule.mean
        self.log("val/wettest", wettest)

    def on_validation_epoch_end(self):
        self.log("val/rmse", self.trainer.callback_metrics["val/mse"].sqrt())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.hparams.learning_rate)

    @staticmethod
    def _gradient(field, land):
        """Return Sobel's gradient of [N, lead, y, x] per cell, in cells with land around."""
        across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
        kernels = torch.stack([across, across.T])[:, None].to(field)
        dx, dy = functional.conv2d(field.flatten(0, 1)[:, None], kernels).unbind(1)
        inside = functional.avg_pool2d(land[None].float(), 3, stride=1)[0] > 0.999
        return torch.sqrt(dx**2 + dy**2 + 1e-12)[:, inside]
