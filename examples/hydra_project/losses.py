import torch
from torch.nn import functional as F

SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8


def gradient_magnitude(x):
    """[N, T, H, W] -> [N, T, H-2, W-2]; NaN next to the sea if the sea is NaN."""
    kernels = torch.stack([SOBEL, SOBEL.T])[:, None].to(x)
    n, t, h, w = x.shape
    gx, gy = F.conv2d(x.reshape(n * t, 1, h, w), kernels).unbind(1)
    return torch.sqrt(gx**2 + gy**2 + 1e-12).reshape(n, t, h - 2, w - 2)


def mse(pred, target, mask):
    return F.mse_loss(pred[..., mask], target[..., mask])


def gradient_loss(pred, target, mask, kind):
    inner = F.conv2d(mask[None, None].float(), torch.ones(1, 1, 3, 3))[0, 0] == 9
    ours, theirs = (gradient_magnitude(x)[..., inner] for x in (pred, target))
    if kind == "magnitude":
        return (ours.mean(-1) - theirs.mean(-1)).abs().mean()
    return (ours - theirs).abs().mean()
