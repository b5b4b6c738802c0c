"""Refuses choices of which some were probably meant as another kind of value.

Asked of files and ``--set`` only: a stored study keeps what it was started with.
"""

import re
from collections.abc import Sequence
from typing import Any

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.setting_words import in_quotes

_LIKE_A_NUMBER = re.compile(r"[-+.]?[0-9]")


def require_choices_of_one_kind(tree: dict[str, Any], source: str) -> None:
    """Check the choices of each searched setting.

    Args:
        tree: A configuration as read.
        source: Of it, for the message.

    Raises:
        ConfigError: If true or false is among other values, or text such as 1_000 among numbers.
    """
    search = tree.get("search")
    space = search.get("space") if isinstance(search, dict) else None
    for name, searched in space.items() if isinstance(space, dict) else ():
        choices = searched.get("choices") if isinstance(searched, dict) else None
        problem = _problem(choices) if isinstance(choices, list) else None
        if problem is not None:
            raise ConfigError(f"search.space.{name}.choices has {problem} (in {source})")


def _problem(choices: Sequence[Any]) -> str | None:
    booleans = [choice for choice in choices if isinstance(choice, bool)]
    numbers = [c for c in choices if isinstance(c, int | float) and not isinstance(c, bool)]
    texts = [choice for choice in choices if isinstance(choice, str)]
    if booleans and (numbers or texts):
        word = str(booleans[0]).lower()
        kind = "text" if texts else "numbers"
        return f"{word} among {kind}; {in_quotes(word)}, or leave it out"
    odd = [text for text in texts if _LIKE_A_NUMBER.match(text)]
    if numbers and odd:
        return (
            f"the text {odd[0]!r} among numbers; write it as a plain decimal number, or put every "
            "choice in quotes"
        )
    return None
