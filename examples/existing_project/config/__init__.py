"""Constants of the project."""

from pathlib import Path

# data
DATA_PATH = str(Path(__file__).resolve().parents[3] / "data/uk_wfde5_hourly_2018_jun_jul.nc")
VARIABLE = "Qair"
HISTORY = 4  # frames given
STRIDE = 2  # hours between two frames
LEAD = 3  # frames ahead
TRAIN_SHARE, VALIDATION_SHARE = 0.7, 0.15

# network
HIDDEN_WIDTH = 16

# training
EPOCHS = 6
BATCH_SIZE = 16
LEARNING_RATE = 2e-3
GRADIENT_LOSS_WEIGHT = 0.05  # 0.2 was tried too
GRADIENT_LOSS = "difference"  # or "magnitude"
SEED = 0

OUTPUT_DIR = "outputs"
