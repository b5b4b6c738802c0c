"""The Optuna dashboard behind a door of our own, with what a forecast needs to be judged."""
