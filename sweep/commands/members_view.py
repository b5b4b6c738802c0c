"""Prints the scores of an ensemble's members."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from fieldsharp.objectives.members.scores import MembersScores
    from fieldsharp.sweep.trials.file_members import MembersOfFile

SIGNIFICANCE = 0.05


def show_members(found: "MembersOfFile", console: "Console") -> None:
    """Print a line of scores for all leads and for each, and what they say of the spread."""
    from rich.table import Table

    scores = found.scores
    several = f"{scores.members} members of {scores.windows} forecasts"
    console.print(f"{several}, scored together:", markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("lead")
    for heading in (
        *("crps", "rmse of mean", "spread", "spread/error", "energy score", "variogram score"),
        "ranks at the ends",
    ):
        table.add_column(heading, justify="right")
    for lead, one in (("all", scores), *((one.lead, one.scores) for one in found.by_lead)):
        ends = one.rank_histogram[0] + one.rank_histogram[-1]
        numbers = (one.crps, one.rmse_of_mean, one.spread, one.spread_over_error)
        whole = (one.energy_score, one.variogram_score, ends)
        table.add_row(lead, *(f"{number:.4g}" for number in (*numbers, *whole)))
    console.print(table)
    console.print(spread_sentence(scores), markup=False, soft_wrap=True)
    if found.left_out:
        console.print(
            f"{found.left_out} forecasts lack a member or have no cell that all know, and are left "
            "out of these scores",
            markup=False,
        )


def spread_sentence(scores: "MembersScores") -> str:
    """Return what the rank histogram says, in a sentence."""
    fair = 2.0 / (scores.members + 1)
    ends = scores.rank_histogram[0] + scores.rank_histogram[-1]
    told = (
        f"the truth is below or above all members in {ends:.3f} of the cells, where an honest "
        f"spread has {fair:.3f}"
    )
    if scores.flatness_chance is None:
        return f"{told}; too few independent forecasts to tell that from chance"
    chance = f"(chance {scores.flatness_chance:.2g})"
    if scores.flatness_chance >= SIGNIFICANCE:
        return f"{told}; the rank histogram is as flat as chance allows {chance}"
    kind = "too sure" if scores.spread_over_error < 1 else "biased, or too wide"
    return f"{told}; the rank histogram is not flat, the members are {kind} {chance}"
