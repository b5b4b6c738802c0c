import torch
from torch import nn


class ConvLSTMCell(nn.Module):
    """Shi et al. 2015."""

    def __init__(self, input_dim, hidden_dim, kernel_size):
        super().__init__()
        self.hidden_dim = hidden_dim
        padding = kernel_size[0] // 2, kernel_size[1] // 2
        self.conv = nn.Conv2d(input_dim + hidden_dim, 4 * hidden_dim, kernel_size, padding=padding)

    def forward(self, x, state):
        h, c = state
        i, f, o, g = self.conv(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class ConvLSTM(nn.Module):
    """Reads the input frames, then rolls out its own predictions."""

    def __init__(self, configs):
        super().__init__()
        self.output_length = configs.output_length
        self.cell = ConvLSTMCell(1, configs.hidden_dim, configs.kernel_size)
        self.head = nn.Conv2d(configs.hidden_dim, 1, 3, padding=1)

    def forward(self, x):
        b, t, _, h, w = x.shape
        state = (x.new_zeros(b, self.cell.hidden_dim, h, w),) * 2
        outputs = []
        frame = x[:, 0]
        for step in range(t + self.output_length - 1):
            frame = x[:, step] if step < t else frame
            state = self.cell(frame, state)
            frame = frame + self.head(state[0])
            outputs.append(frame)
        return torch.stack(outputs[t - 1 :], dim=1)
