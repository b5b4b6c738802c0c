"""Limits of guards that no tiny training breaks by chance, for tests of something else."""

WIDE = {
    "rmse_over_baseline": 1.4,
    "rmse_over_climatology": 10.0,
    "power_small_db": 60.0,
    "power_other_db": 60.0,
    "forward_sobel_over_observed": 100.0,
    "gradient_correlation_share": 0.0,
    "correlation_drop": 2.0,
    "correlation_least": -1.0,
    "std_ratio": 100.0,
    "region_std_ratio": 100.0,
    "change_share": 0.0,
}
