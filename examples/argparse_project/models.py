from torch import nn


class ResNet(nn.Module):
    """Residual blocks on the stacked past frames; predicts the change from the last one."""

    def __init__(self, n_in, n_out, hidden):
        super().__init__()
        self.first = nn.Conv2d(n_in, hidden, 3, padding=1)
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
        )
        self.last = nn.Conv2d(hidden, n_out, 1)

    def forward(self, x):
        h = self.first(x)
        h = h + self.block(h)
        return x[:, -1:] + self.last(h)
