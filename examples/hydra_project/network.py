import torch
from torch import nn


def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.GELU())


class ConvNet(nn.Module):
    def __init__(self, history, leads, width, depth):
        super().__init__()
        hidden = [block(width, width) for _ in range(depth - 1)]
        self.net = nn.Sequential(block(history, width), *hidden, nn.Conv2d(width, leads, 3, 1, 1))

    def forward(self, x):
        return x[:, -1:] + self.net(x)


class UNet(nn.Module):
    def __init__(self, history, leads, width):
        super().__init__()
        self.down = block(history, width)
        self.middle = nn.Sequential(
            nn.MaxPool2d(2), block(width, 2 * width), nn.Upsample(scale_factor=2)
        )
        self.up = nn.Sequential(block(3 * width, width), nn.Conv2d(width, leads, 1))

    def forward(self, x):
        skip = self.down(x)
        return x[:, -1:] + self.up(torch.cat([skip, self.middle(skip)], dim=1))
