"""Rules for a sweep whose trials may go on from the weights of its baseline."""

from collections.abc import Collection

OF_MEMBERS = ("members", "noise", "dropout")
"""Options of an ensemble beside those of its net: under any of them it can go on from that net's
weights."""
OPTIONS = "predictor.options."
BY_EPOCH = ("median", "hyperband")


def require_start(
    starts: Collection[object],
    searched: Collection[str],
    pruner: str,
    predictors: Collection[object],
) -> None:
    """Check that the trials of a search can start as they may.

    Args:
        starts: The values that ``training.start`` can take.
        searched: The searched settings, by dotted path.
        pruner: By name.
        predictors: The values that ``predictor.name`` can take.

    Raises:
        ValueError: If they cannot.
    """
    if "baseline" not in starts:
        if "training.fine_tuning" in searched:
            raise ValueError(
                "search.space.training.fine_tuning has no effect while training.start is fresh; "
                "set training.start to baseline or search training.start too"
            )
        return
    if "training.epochs" in searched:
        raise ValueError(
            "search.space.training.epochs is searched and training.start may be baseline, under "
            "which the epochs are a share of the baseline's; search training.fine_tuning in place "
            "of training.epochs"
        )
    if pruner in BY_EPOCH and "fresh" in starts:
        raise ValueError(
            f"search.pruner is {pruner}, which compares trials after the same number of epochs, "
            "and training.start may be fresh or baseline, whose epochs are not alike; set "
            "search.pruner to promotion or none"
        )
    _require_one_net(searched, is_ensemble=set(predictors) == {"ensemble"})


def _require_one_net(searched: Collection[str], *, is_ensemble: bool) -> None:
    """Check that every trial has the net of the baseline."""
    for path in searched:
        is_of_members = (
            is_ensemble and path.startswith(OPTIONS) and path.removeprefix(OPTIONS) in OF_MEMBERS
        )
        if path.startswith("predictor.") and not is_of_members:
            raise ValueError(
                f"search.space.{path} is searched and training.start may be baseline, whose "
                f"weights are of one net; set {path}, and search it in a study whose "
                "training.start is fresh"
            )
