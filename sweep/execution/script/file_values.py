"""Values written to entries of YAML, TOML and JSON files, whose other contents stay the same."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import nearest
from fieldsharp.sweep.configuration.ranges import GivenValue
from fieldsharp.sweep.configuration.safe_yaml import first_difference
from fieldsharp.sweep.execution.script.yaml_values import YamlText

KeyPath = tuple[str | int, ...]
LARGEST_FILE = 4_000_000


def replace_entries(source: bytes, values: Mapping[str, GivenValue], path: Path) -> bytes:
    """Return a file with the values of some of its entries replaced.

    Args:
        source: What it holds.
        values: By dotted path, in which a list is indexed from 0: ``layers.0.width``.
        path: Of the file; its ending says which of the formats it has.

    Raises:
        ConfigError: If it cannot be read, an entry is missing or of another kind, or an
            entry cannot be changed alone.
    """
    try:
        if len(source) > LARGEST_FILE:
            raise ValueError(f"has more than {LARGEST_FILE / 1e6:g} MB")
        text = source.decode("utf-8-sig")
        replace = {".toml": _in_toml, ".json": _in_json}.get(path.suffix, _in_yaml)
        changed = replace(text, values)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"trainer.names: {path} {error or 'is nested too deeply'}") from error
    mark = b"\xef\xbb\xbf" if source.startswith(b"\xef\xbb\xbf") else b""
    return mark + changed.encode()


def _in_yaml(text: str, values: Mapping[str, GivenValue]) -> str:
    for key, value in values.items():
        document = YamlText(text)
        at = _require_entry(document.tree, key, value)
        text = document.replaced(at, key, value)
    return text


def _in_toml(text: str, values: Mapping[str, GivenValue]) -> str:
    try:
        expected, document = tomllib.loads(text), tomlkit.parse(text)
    except (tomllib.TOMLDecodeError, TOMLKitError) as error:
        raise ValueError(f"is not valid TOML ({error}); correct it") from error
    for key, value in values.items():
        at = _require_entry(expected, key, value)
        _set(expected, at, _plain(value))
        _set(document, at, _plain(value))
    changed = tomlkit.dumps(document)
    if first_difference(expected, tomllib.loads(changed)) is not None:
        names = ", ".join(values)
        raise ValueError(
            f"cannot be written with other values of {names} alone; write them as key = value, in "
            "a table of their own"
        )
    return changed


def _in_json(text: str, values: Mapping[str, GivenValue]) -> str:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise ValueError(f"has the key {double!r} twice in one object; keep one of them")
        return dict(pairs)

    try:
        tree = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON ({error}); correct it") from error
    for key, value in values.items():
        _set(tree, _require_entry(tree, key, value), _plain(value))
    indent = re.search(r"\n([ \t]+)\S", text)
    changed = json.dumps(tree, indent=indent[1] if indent else None, ensure_ascii=False)
    return changed + ("\n" if text.endswith("\n") else "")


def _plain(value: GivenValue) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _set(tree: Any, at: KeyPath, value: Any) -> None:
    *above, last = at
    for part in above:
        tree = tree[part]
    tree[last] = value


def _require_entry(tree: Any, key: str, value: GivenValue) -> KeyPath:
    """Return the path of an entry that a value may replace.

    Raises:
        ValueError: If there is none, or it holds further entries.
    """
    at = _find(tree, key.split("."))
    if at is None:
        keys = list(_keys(tree))
        same_end = [one for one in keys if one.rpartition(".")[2] == key.rpartition(".")[2]]
        guess = nearest(key, same_end) or nearest(key, keys) or next(iter(same_end), None)
        hint = f"did you mean {guess}?" if guess else "name one that it has"
        raise ValueError(f"has no entry {key}: {hint}")
    entry = tree
    for part in at:
        entry = entry[part]
    if isinstance(entry, dict):
        inside = next(_keys(entry), None)
        hint = f"name one of them, such as {key}.{inside}" if inside else "name a single value"
        raise ValueError(f"has entries below {key}, which is no single value; {hint}")
    if isinstance(entry, list) != isinstance(value, tuple):
        kinds = ("a list", "a single value")
        has, given = kinds if isinstance(entry, list) else kinds[::-1]
        name = f"{key}.0" if isinstance(entry, list) and entry else "a list in the file"
        fix = f"name one of its values, such as {name}" if has == "a list" else "give one value"
        raise ValueError(f"has {has} at {key}, and the value is {given}; {fix}")
    return at


def _find(tree: Any, parts: list[str]) -> KeyPath | None:
    """Return the path of a key, of which a part may itself have dots; None if there is none."""
    if not parts:
        return ()
    if isinstance(tree, list):
        part = parts[0]
        inside = part.isascii() and part.isdigit() and int(part) < len(tree)
        rest = _find(tree[int(part)], parts[1:]) if inside else None
        return (int(part), *rest) if rest is not None else None
    if isinstance(tree, dict):
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            rest = _find(tree[name], parts[count:]) if name in tree else None
            if rest is not None:
                return (name, *rest)
    return None


def _keys(tree: Any) -> Iterator[str]:
    """Yield the dotted paths of all single values."""
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for name, inner in items:
        below = list(_keys(inner)) if isinstance(inner, dict | list) else []
        yield from (f"{name}.{key}" for key in below) if below else (str(name),)
