import h5py
import numpy as np
import torch
from config import configs
from convlstm import ConvLSTM
from dataset import HumidityDataset, prepare_data
from torch.utils.data import DataLoader


def mean_gradient(x, inside):
    """Sobel, per grid cell. x: (..., H, W) -> (...,)"""
    dx = x[..., :, 2:] - x[..., :, :-2]
    dy = x[..., 2:, :] - x[..., :-2, :]
    dx = (dx[..., :-2, :] + 2 * dx[..., 1:-1, :] + dx[..., 2:, :]) / 8
    dy = (dy[..., :, :-2] + 2 * dy[..., :, 1:-1] + dy[..., :, 2:]) / 8
    return (dx**2 + dy**2 + 1e-12).sqrt()[..., inside].mean(-1)


class Trainer:
    def __init__(self, configs, land, mean, std):
        self.configs, self.mean, self.std = configs, mean, std
        self.device = torch.device(configs.device)
        torch.manual_seed(configs.seed)
        self.network = ConvLSTM(configs).to(self.device)
        self.opt = torch.optim.Adam(
            self.network.parameters(), lr=configs.lr, weight_decay=configs.weight_decay
        )
        self.land = torch.from_numpy(land).to(self.device)
        self.inside = self.land.unfold(0, 3, 1).unfold(1, 3, 1).all(-1).all(-1)

    def loss(self, y_pred, y_true):
        loss = ((y_pred - y_true)[..., self.land] ** 2).mean()
        weight = self.configs.gradient_loss_weight
        if weight > 0:
            gap = mean_gradient(y_pred, self.inside) - mean_gradient(y_true, self.inside)
            loss = loss + weight * gap.abs().mean()
        return loss

    def train_once(self, x, y):
        self.network.train()
        self.opt.zero_grad()
        loss = self.loss(self.network(x.to(self.device)), y.to(self.device))
        loss.backward()
        if self.configs.gradient_clipping:
            torch.nn.utils.clip_grad_norm_(
                self.network.parameters(), self.configs.clipping_threshold
            )
        self.opt.step()
        return loss.item()

    @torch.no_grad()
    def infer(self, dataloader):
        self.network.eval()
        pred = torch.cat([self.network(x.to(self.device)).cpu() for x, _ in dataloader])
        return (pred * self.std + self.mean)[:, :, 0].numpy()

    def train(self, dataset_train, dataset_eval):
        loader = DataLoader(dataset_train, self.configs.batch_size, shuffle=True)
        loader_eval = DataLoader(dataset_eval, 64)
        true = np.concatenate([y.numpy() for _, y in loader_eval])[:, :, 0] * self.std + self.mean
        land = self.land.cpu().numpy()
        for epoch in range(self.configs.num_epochs):
            losses = [self.train_once(x, y) for x, y in loader]
            pred = self.infer(loader_eval)
            rmse = np.sqrt(((pred - true)[..., land] ** 2).mean())
            grad = mean_gradient(torch.from_numpy(pred), self.inside.cpu()).mean()
            peak = pred[..., land].max(-1).mean()
            print(
                f"epoch {epoch + 1}, train loss: {np.mean(losses):.4f}, "
                f"eval rmse: {rmse:.4f}, grad: {grad:.4f}, peak: {peak:.3f}"
            )
        torch.save({"net": self.network.state_dict()}, "checkpoint.chk")
        return pred, true


if __name__ == "__main__":
    train, valid, land, mean, std = prepare_data(configs)
    dataset_train = HumidityDataset(train, mean, std, configs)
    dataset_eval = HumidityDataset(valid, mean, std, configs)
    print(len(dataset_train), "samples to train,", len(dataset_eval), "to evaluate")
    pred, true = Trainer(configs, land, mean, std).train(dataset_train, dataset_eval)
    with h5py.File("results.h5", "w") as f:
        for name, frames in (("pred", pred), ("true", true)):
            f[name] = np.where(land, frames, np.nan).astype(np.float32)
