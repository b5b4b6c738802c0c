"""Spread of members beside the error of their mean."""

import math


def spread(variance: float, members: int) -> float:
    """Return what the error of the mean of so many members is, if their spread is honest.

    sqrt((K + 1) / K) times the root of the mean unbiased variance: the truth is one more member.
    Fortin et al. 2014, doi 10.1175/JHM-D-14-0008.1.

    Args:
        variance: Unbiased variance of the members, mean over cells and windows.
        members: Their number K, at least 2.
    """
    return math.sqrt((members + 1) / members * variance)


def error_without_sampling(squared_error: float, variance: float, members: int) -> float:
    """Return the root-mean-square error that the mean of endless members would have.

    sqrt(MSE - variance / K), 0 where chance alone makes that negative.

    Args:
        squared_error: Mean square error of the mean of the members.
        variance: Unbiased variance of the members, mean over the same cells and windows.
        members: Their number K, at least 2.
    """
    return math.sqrt(max(0.0, squared_error - variance / members))
