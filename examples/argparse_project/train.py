#!/usr/bin/env python
"""Train a temperature nowcaster.

python train.py ../../data/uk_wfde5_hourly_2018_jun_jul.nc --learning_rate 2e-3 --flip
"""

import argparse
import json
import os
import random

import numpy as np
import torch
from data_and_loss import Gradient, load_frames, make_windows
from models import ResNet


def get_args():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("data", help="NetCDF file with hourly frames")
    p.add_argument("--save_dir", default="runs/default")
    p.add_argument("--batch_size", type=int, default=32)
    p.add_argument("--n_epochs", type=int, default=6)
    p.add_argument("-lr", "--learning_rate", type=float, default=2e-3)
    p.add_argument("--lambda_grad", type=float, default=0.1, help="weight of the gradient loss")
    p.add_argument("--leads", type=int, nargs="+", default=[3, 6], help="hours ahead")
    p.add_argument("--hidden", type=int, default=24)
    p.add_argument("--flip", action="store_true", help="flip training samples east-west at random")
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def train_one_epoch(net, opt, x, y, mask, gradient, args):
    net.train()
    for idx in torch.randperm(len(x)).split(args.batch_size):
        xb, yb, mb = x[idx], y[idx], mask
        if args.flip and random.random() < 0.5:
            xb, yb, mb = xb.flip(-1), yb.flip(-1), mb.flip(-1)
        out = net(xb)
        loss = ((out - yb)[..., mb] ** 2).mean()
        if args.lambda_grad > 0:
            loss = loss + args.lambda_grad * gradient.loss(out, yb, mb)
        opt.zero_grad()
        loss.backward()
        opt.step()


@torch.no_grad()
def predict(net, x):
    net.eval()
    return torch.cat([net(xb) for xb in x.split(128)])


def main():
    args = get_args()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    os.makedirs(args.save_dir, exist_ok=True)

    frames, mask, mean, std = load_frames(args.data, "Qair", factor=1000)  # g/kg
    n = len(frames)
    x, y = make_windows(frames[: int(0.7 * n)], 4, args.leads)
    x_val, y_val = make_windows(frames[int(0.7 * n) : int(0.85 * n)], 4, args.leads)
    gradient = Gradient()
    net = ResNet(4, len(args.leads), args.hidden)
    opt = torch.optim.Adam(net.parameters(), lr=args.learning_rate)

    true = y_val * std + mean
    true[..., ~mask] = float("nan")
    log = open(os.path.join(args.save_dir, "log.jsonl"), "w")
    for epoch in range(1, args.n_epochs + 1):
        train_one_epoch(net, opt, x, y, mask, gradient, args)
        pred = predict(net, x_val) * std + mean
        pred[..., ~mask] = float("nan")
        stats = {
            "epoch": epoch,
            "val_rmse": (pred - true)[..., mask].square().mean().sqrt().item(),
            "val_grad": gradient(pred, mask).mean().item(),
            "val_max": pred[..., mask].amax(-1).mean().item(),
        }
        print(json.dumps(stats), file=log, flush=True)
        print(" ".join(f"{k}={v:.4g}" for k, v in stats.items()))
    log.close()

    # N x T x C x H x W, as the plotting notebook wants them
    np.save(os.path.join(args.save_dir, "pred.npy"), pred[:, :, None].numpy())
    np.save(os.path.join(args.save_dir, "true.npy"), true[:, :, None].numpy())
    torch.save(net.state_dict(), os.path.join(args.save_dir, "net.pth"))


if __name__ == "__main__":
    main()
