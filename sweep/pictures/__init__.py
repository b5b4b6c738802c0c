"""Pictures of trials: drawn from samples with matplotlib alone, without torch and Optuna."""
