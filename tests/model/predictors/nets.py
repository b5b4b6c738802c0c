"""Nets as public projects have them, and nets with one fault each, by the path of this module."""

import urllib.request
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class PublicUNet(nn.Module):
    """Halves its images, batch normalisation, no padding of its own."""

    def __init__(self, n_channels: int, n_classes: int, features: int = 4, levels: int = 2) -> None:
        super().__init__()
        widths = [features * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(map(_block, [n_channels, *widths[:-1]], widths))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2)
            for level in reversed(range(levels))
        )
        self.merge = nn.ModuleList(
            _block(2 * widths[level], widths[level]) for level in reversed(range(levels))
        )
        self.head = nn.Conv2d(features, n_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        made: Tensor = self.head(x)
        return made


def sequential(in_channels: int, out_channels: int, hidden: int = 4) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, hidden, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(hidden, out_channels, 3, padding=1),
    )


def any_argument(**arguments: Any) -> nn.Module:
    return sequential(arguments["ins"], arguments["outs"])


def for_a_size(in_chans: int, num_classes: int, img_size: list[int]) -> nn.Module:
    class ForASize(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.where = nn.Parameter(torch.zeros(1, 1, *img_size))
            self.net = PublicUNet(in_chans, num_classes)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.net(x + self.where)
            return made

    return ForASize()


class OfFourier(nn.Module):
    """Complex weights on the Fourier coefficients, as in FNO."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.lift = nn.Conv2d(in_channels, out_channels, 1)
        self.weight = nn.Parameter(0.1 * torch.randn(out_channels, 1, 1, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        lifted: Tensor = self.lift(x)
        made: Tensor = torch.fft.irfft2(torch.fft.rfft2(lifted) * self.weight, s=x.shape[-2:])
        return made + lifted


class Returns(nn.Module):
    """Returns what is asked for."""

    def __init__(self, in_channels: int, out_channels: int, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.net = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Any:
        made = self.net(x)
        half = functional.avg_pool2d(made, 2)
        return {
            "half": half,
            "supervised": [half, made],
            "mapping": {"logits": made, "features": half},
            "nested": ([made], [[half, half]]),
            "twice": (made, 2 * made),
            "integers": made.long(),
            "nothing": "no tensor",
        }[self.kind]


class Faulty(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.net = nn.Conv2d(in_channels, out_channels, 1)


class Remembers(Faulty):
    last: Tensor | float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x) + self.last
        self.last = made.detach()
        return made


class Restless(Faulty):
    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x)
        return made + 0.1 * torch.randn_like(made)


class MixesSamples(Faulty):
    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x)
        return made - made.mean(dim=0, keepdim=True)


class Detached(Faulty):
    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x).detach()
        return made


class NotSaved(Faulty):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        self.pattern = torch.randn(1, out_channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x) + self.pattern
        return made


class Fails(Faulty):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("no such\nluck")


class ChangesItsInput(Faulty):
    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x.mul_(2))
        return made


class NormalisesOneCell(Faulty):
    """Pools to a few cells and normalises: of one cell and one sample there is no variance."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        small = self.norm(functional.avg_pool2d(self.net(x), 32))
        return functional.interpolate(small, size=x.shape[-2:])


class Downloads(Faulty):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        urllib.request.urlopen("https://example.org/weights.pt")


class Pretrained(Faulty):
    def __init__(
        self, in_channels: int, out_channels: int, encoder_weights: str | None = "imagenet"
    ) -> None:
        super().__init__(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x)
        return made


# Video nets.


def conv3d(in_channels: int, out_channels: int, hidden: int = 4) -> nn.Sequential:
    """Channels before frames; returns a frame for each it is given."""
    return nn.Sequential(
        nn.Conv3d(in_channels, hidden, 3, padding=1),
        nn.GELU(),
        nn.Conv3d(hidden, out_channels, 3, padding=1),
    )


class ConvLSTM(nn.Module):
    """Frames before channels; hidden sizes as a list, kernels as a tuple, returns states too."""

    def __init__(self, input_dim: int, hidden_dim: list[int], kernel_size: tuple[int, int]) -> None:
        super().__init__()
        if not isinstance(kernel_size, tuple):
            raise ValueError("kernel_size must be a tuple")
        self.hidden_dim = hidden_dim
        self.cells = nn.ModuleList(
            nn.Conv2d(inputs + hidden, 4 * hidden, kernel_size, padding="same")
            for inputs, hidden in zip([input_dim, *hidden_dim[:-1]], hidden_dim, strict=True)
        )

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        states = []
        for cell, hidden in zip(self.cells, self.hidden_dim, strict=True):
            h = c = x.new_zeros(x.shape[0], hidden, *x.shape[-2:])
            made = []
            for step in range(x.shape[1]):
                keep, write, read, new = cell(torch.cat([x[:, step], h], dim=1)).chunk(4, dim=1)
                c = torch.sigmoid(keep) * c + torch.sigmoid(write) * torch.tanh(new)
                h = torch.sigmoid(read) * torch.tanh(c)
                made.append(h)
            x = torch.stack(made, dim=1)
            states.append([h, c])
        return [x], states


class Translator(nn.Module):
    """Built for a shape of history, returns as many frames as it is told to."""

    def __init__(self, shape_in: list[int], out_frames: int = 4) -> None:
        super().__init__()
        frames, channels = shape_in[:2]
        self.out_frames = out_frames
        self.net = nn.Conv2d(frames * channels, out_frames * channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x.flatten(1, 2))
        return made.reshape(len(x), self.out_frames, -1, *x.shape[-2:])
