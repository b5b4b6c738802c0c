"""Constants of the project."""

GRADIENT_LOSS_WEIGHT = 0.05  # 0.2 was tried too
EPOCHS = 4
EPOCH_SECONDS = 0.2
OUTPUT_DIR = "outputs"


class Training:
    RATE = 0.5
