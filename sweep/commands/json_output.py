"""What a script reads: JSON on the standard output, and nothing else there."""

import json
import math
from typing import Any

from fieldsharp.sweep.commands.printing import say, say_text


def say_json(tree: Any) -> None:
    """Print plain values as JSON."""
    say_text(f"{json.dumps(_finite(tree), indent=2)}\n")


def say_json_line(tree: Any) -> None:
    """Print plain values as JSON in one line, at once."""
    say(json.dumps(_finite(tree)))


def _finite(tree: Any) -> Any:
    """Return the values with null for what JSON has no number for."""
    if isinstance(tree, dict):
        return {str(key): _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
