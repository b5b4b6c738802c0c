"""The plan's diagnostics on one configuration: predictor, optimiser, losses and data."""
