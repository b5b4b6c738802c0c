from datamodule import FieldData
from forecaster import Forecaster
from lightning.pytorch.cli import LightningCLI


class CLI(LightningCLI):
    def add_arguments_to_parser(self, parser):
        parser.link_arguments("data.history", "model.history")
        parser.link_arguments("data.leads", "model.frames_out", compute_fn=len)


if __name__ == "__main__":
    CLI(Forecaster, FieldData)
