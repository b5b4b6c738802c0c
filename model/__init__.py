"""Predictors, training losses and the training loop."""
