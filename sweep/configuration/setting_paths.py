"""Names of what can be searched."""

from collections.abc import Mapping

from fieldsharp.core.suggestions import unknown

SHORT_NAMES: dict[str, str] = {
    "gradient_weight": "loss.gradient_weight",
    "loss_variant": "loss.variant",
    "multi_step": "loss.multi_step",
    "peak_weight": "loss.peak_weight",
    "learning_rate": "training.learning_rate",
    "warmup_fraction": "training.warmup_fraction",
}
SEARCHABLE_SECTIONS = ("predictor", "loss", "training")
OF_SCRIPT = "script."
"""Begins the name of a value that is handed to a script, see ``trainer``."""
GIVEN = "trainer.given."


def setting_path(name: str) -> str:
    """Return the dotted path of a searched setting.

    Args:
        name: A short name, a dotted path into predictor, loss or training, or ``script.`` and the
            name of a value that a script is given.

    Raises:
        ValueError: If it is neither.
    """
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    if name.startswith(OF_SCRIPT):
        return GIVEN + name.removeprefix(OF_SCRIPT)
    if name == "training.seed":
        raise ValueError(
            "search.space.training.seed would reward luck; leave it out, and compare seeds later"
        )
    if name == "loss.normalise":
        raise ValueError(
            "search.space.loss.normalise would mix weights of different units; leave it out"
        )
    if name.partition(".")[0] in SEARCHABLE_SECTIONS and "." in name:
        return name
    raise ValueError(
        f"search.space: {unknown('parameter', name, SHORT_NAMES)}, or a setting of "
        f"{', '.join(SEARCHABLE_SECTIONS)} such as predictor.width"
    )


def value_at(tree: Mapping[str, object], path: str) -> int | float | bool | str | None:
    """Return the single value at a dotted path of nested settings, None where there is none."""
    node: object = tree
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    assert node is None or isinstance(node, int | float | str), f"{path} is no single value"
    return node
