import logging
from pathlib import Path

import hydra
import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from losses import gradient_loss, gradient_magnitude, mse
from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger(__name__)


@torch.no_grad()
def predict(model, data, past):
    model.eval()
    return data.denormalise(torch.cat([model(batch) for batch in past.split(64)]))


def validate(pred, truth):
    return {
        "rmse": (pred - truth).square().nanmean().sqrt().item(),
        "gradient": gradient_magnitude(pred).nanmean().item(),
        "peak": pred.nan_to_num(-torch.inf).amax(dim=(-2, -1)).mean().item(),
    }


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    torch.manual_seed(cfg.seed)
    out = Path(HydraConfig.get().runtime.output_dir)
    data = instantiate(cfg.data)
    past, future = data.samples(0)
    val_past, val_future = data.samples(1)
    truth = data.denormalise(val_future)
    model = instantiate(cfg.model, history=data.history, leads=len(data.leads))
    optimizer = instantiate(cfg.optimizer, params=model.parameters())
    log.info("%d training samples, %d for validation", len(past), len(val_past))
    with SummaryWriter(str(out / "tensorboard")) as writer:
        for epoch in range(cfg.epochs):
            model.train()
            for index in torch.randperm(len(past)).split(cfg.batch_size):
                pred = model(past[index])
                loss = mse(pred, future[index], data.mask)
                if cfg.loss.gradient_weight > 0:
                    term = gradient_loss(pred, future[index], data.mask, cfg.loss.kind)
                    loss = loss + cfg.loss.gradient_weight * term
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            pred = predict(model, data, val_past)
            scores = validate(pred, truth)
            for name, value in scores.items():
                writer.add_scalar(f"val/{name}", value, epoch)
            log.info("epoch %d: %s", epoch, scores)
    np.savez(out / "predictions.npz", pred=pred.numpy(), target=truth.numpy())
    torch.save(model.state_dict(), out / "model.pt")


if __name__ == "__main__":
    main()
