from pathlib import Path

import torch
from datamodule import FieldData
from forecaster import Forecaster

newest = max(Path("logs").rglob("*.ckpt"), key=lambda path: path.stat().st_mtime)
model = Forecaster.load_from_checkpoint(newest).eval()
data = FieldData.load_from_checkpoint(newest)
data.setup("validate")
past, truth, land = data.val.tensors
with torch.no_grad():
    forecast = model(past)
for name, field in (("forecast", forecast), ("truth", truth)):
    torch.save((field + data.mean).where(land[:, None], torch.nan), f"{name}.pt")
