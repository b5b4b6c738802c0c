"""What comes out: exports, single trainings, forecasts, evaluations."""
