"""Names that a person gives the axes of an array: no array type is imported for them."""

from collections.abc import Iterable

AXES = ("sample", "lead", "member", "channel", "y", "x")
"""What an axis may be."""
OF_FRAMES = ("sample", "lead")
"""Axes that frames run along."""


def free_axes(axes: Iterable[str], select: Iterable[str]) -> frozenset[str]:
    """Return the axes of frames and members of which none is selected."""
    return frozenset(axes) & {*OF_FRAMES, "member"} - {*select}
