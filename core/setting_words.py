"""Refusing a word or number that would be converted to a setting's type without a word.

Pydantic reads the text ``yes`` as true, the text ``010`` or ``1_000`` as a number, and true as 1.
"""

import re
from typing import Any, get_args, get_origin

_LEADING_ZERO = re.compile(r"\s*[-+]?0[0-9]+\s*", re.ASCII)
_UNDERSCORES = re.compile(r"\s*[-+]?[0-9][0-9_.]*_[0-9_.]*([eE][-+]?[0-9_]+)?\s*", re.ASCII)
_YAML_1_1 = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}


def is_number(annotation: Any) -> bool:
    """Return whether a setting of this type is a number, or a number beside words."""
    kinds = get_args(annotation) or (annotation,)
    return bool({int, float} & set(kinds)) and bool not in kinds


def in_quotes(word: str) -> str:
    """Return the advice to write a word as text, in a file and on the command line."""
    return f"""where text is meant put it in quotes, as '{word}', in a shell "'{word}'\""""


def require_no_conversion(name: str, given: Any, annotation: Any) -> None:
    """Check a value that is about to be validated as a setting, or each value in a list or mapping.

    Args:
        name: Of the setting, for the message.
        given: The value as read.
        annotation: Type of the setting.

    Raises:
        ValueError: If it is text where true or false is wanted, true or false where a number or
            text is wanted, or text that is a number in some dialects only.
    """
    if isinstance(given, bool | str):
        _require_no_conversion(name, given, annotation)
    elif isinstance(given, dict) and get_origin(annotation) is dict:
        for key, value in given.items():
            if isinstance(value, bool | str):
                _require_no_conversion(f"{name}.{key}", value, get_args(annotation)[1])
    elif isinstance(given, list | tuple) and get_origin(annotation) in (list, tuple):
        for value in given:
            if isinstance(value, bool | str):
                _require_no_conversion(name, value, get_args(annotation)[0])


def _require_no_conversion(name: str, given: bool | str, annotation: Any) -> None:
    kinds = {kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)}
    if isinstance(given, str) and kinds == {bool}:
        raise ValueError(f"{name} must be true or false, found {given!r}{_as_boolean(given)}")
    if not is_number(annotation):
        return
    if isinstance(given, bool):
        word = str(given).lower()
        if str in kinds:
            raise ValueError(f"{name} must be text or a number, found {word}; {in_quotes(word)}")
        raise ValueError(f"{name} must be a number, found {word}")
    if str in kinds:
        return
    if _LEADING_ZERO.fullmatch(given):
        raise ValueError(
            f"{name} must be a number, found {given!r}, which is octal in some programs; write "
            f"{int(given)}"
        )
    if _UNDERSCORES.fullmatch(given):
        raise ValueError(
            f"{name} must be a number, found {given!r}; write {given.strip().replace('_', '')}"
        )


def _as_boolean(word: str) -> str:
    meant = word.lower() if word.lower() in ("true", "false") else _YAML_1_1.get(word.lower())
    if meant is None:
        return ""
    return f"; write {meant} without quotes" if meant == word.lower() else f"; write {meant}"
