"""The frontier: the least RMSE of a forecast at each sharpness.

May import the modules of `objectives` that verify forecasts.
"""
