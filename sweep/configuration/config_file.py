"""Reads a configuration from YAML and ``--set``; every mistake is reported in one sentence."""

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.setting_words import in_quotes
from fieldsharp.core.suggestions import nearest
from fieldsharp.fields.files.data_files import absolute
from fieldsharp.fields.settings import CONVERSION, section_beside_text, section_of
from fieldsharp.model.registry import BEST_SHARPENER
from fieldsharp.objectives.settings import VariableTargets
from fieldsharp.sweep.configuration.baseline_start import without_start
from fieldsharp.sweep.configuration.choices_in_a_file import require_choices_of_one_kind
from fieldsharp.sweep.configuration.limited_loader import MOST_LEVELS
from fieldsharp.sweep.configuration.safe_yaml import Tree, parse_yaml, read_yaml
from fieldsharp.sweep.configuration.script_results import FORMS
from fieldsharp.sweep.configuration.settings import ONE_TRAINING, SweepConfig

logger = logging.getLogger(__name__)
EXPORT_SECTIONS = ("exported", "metrics")
LONGEST_SHOWN = 200
TARGETS = ["objective", "targets"]
OF_A_VARIABLE = re.compile(r"\s*(objective\.targets\.(.+)\.(gradient|peak))\s*=(.*)", re.DOTALL)
"""A target of a variable, whose name may hold dots and equal signs, as t@level=850 does."""
_SUBJECT = re.compile(r"^\w+ should ")


@dataclass(frozen=True)
class ConfigFile:
    """A configuration with the sections that an export adds.

    Attributes:
        config: Validated settings; ``data.path`` is absolute.
        exported: Provenance of an exported configuration, empty for a written one.
        metrics: The metrics an exported configuration had, empty for a written one.
    """

    config: SweepConfig
    exported: Mapping[str, Any]
    metrics: Mapping[str, float]


def load_config(
    path: Path, overrides: Sequence[str] = (), *, one_training: bool = False
) -> ConfigFile:
    """Read a configuration file and apply ``key.path=value`` overrides.

    A relative ``data.path`` or ``trainer.project`` in the file is relative to the file; in an
    override, to the working directory. For ``one_training`` the search need not fit the settings.

    Raises:
        ConfigError: If the file is missing or no YAML, a key or name is unknown, or a value is out
            of range.
    """
    return configure(
        read_yaml(path), str(path), path.resolve().parent, overrides, one_training=one_training
    )


def configure(
    tree: Any,
    source: str,
    folder: Path,
    overrides: Sequence[str] = (),
    *,
    one_training: bool = False,
) -> ConfigFile:
    """Return a configuration from the plain values of a file, see ``load_config``.

    Args:
        tree: A mapping of settings, which is changed.
        source: Of these values, for errors.
        folder: What relative paths in it are relative to.
        overrides: ``key.path=value`` each.
        one_training: Whether the search need not fit the settings.

    Raises:
        ConfigError: As ``load_config``.
    """
    if not isinstance(tree, dict):
        raise ConfigError(
            f"configuration {source} must be a mapping of settings such as 'data:', "
            f"found {type(tree).__name__}"
        )
    beside: Tree = {name: tree.pop(name, None) or {} for name in EXPORT_SECTIONS}
    for name, section in beside.items():
        if not isinstance(section, dict):
            raise ConfigError(
                f"{name} must be a mapping as an export writes it, found {_shown(section)}; "
                f"remove it (in {source})"
            )
    _require_numbers(beside["metrics"], source)
    tree = {name: section for name, section in tree.items() if section is not None}
    if isinstance(tree.get("trainer"), dict):
        tree["trainer"].setdefault("project", ".")
    _make_paths_absolute(tree, folder)
    if not beside["exported"]:  # an export of an earlier version was trained without
        tree.setdefault("sharpening", {"name": BEST_SHARPENER})
    if not one_training:
        without_start(tree)
    for override in overrides:
        _apply_override(tree, override)
    _require_one_length(tree, source)
    if not one_training:
        require_choices_of_one_kind(tree, source)
    _make_paths_absolute(tree, Path.cwd())
    return ConfigFile(
        config=validate(
            tree,
            f"{source} and the command line" if overrides else source,
            one_training=one_training,
        ),
        exported=beside["exported"],
        metrics=beside["metrics"],
    )


def as_overrides(given: Mapping[str, Any]) -> list[str]:
    """Return values by setting as overrides.

    Quoted, since JSON is YAML: a study may be named 123 or true.

    Raises:
        ConfigError: If a value is none that a configuration can hold.
    """
    try:
        return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in given.items()]
    except TypeError as error:
        raise ConfigError(
            f"the settings {', '.join(given)} must be numbers, text, true or false, lists or "
            f"mappings of these ({error})"
        ) from error


def validate(tree: Tree, source: str, *, one_training: bool = False) -> SweepConfig:
    """Return validated settings from a tree of plain values.

    Raises:
        ConfigError: Naming the first wrong setting, its constraint, the value found and the fix.
    """
    try:
        return SweepConfig.model_validate(tree, context={ONE_TRAINING: one_training})
    except ValidationError as error:
        # A misspelt key often leaves another one missing: report the misspelling first.
        details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise ConfigError(f"{_sentence(_as_text(details))}{more} (in {source})") from error


def _as_text(details: list[Any]) -> Any:
    """Return the first error, of a value that may be text too that of the text."""
    first = details[0]
    alternatives = (detail for detail in details if detail["loc"][:-1] == first["loc"][:-1])
    return next((one for one in alternatives if one["loc"][-1:] == ("str",)), first)


def _sentence(detail: Any) -> str:
    # The location includes the tag of a union, which is not in the file.
    found_at = list(detail["loc"])
    if found_at[:2] == ["search", "space"]:
        del found_at[3:4]
    if found_at[:3] == [*TARGETS, "by_name"]:
        del found_at[2]
    location = [part for part in found_at if part not in ("int", "float", "bool", *FORMS)]
    where = ".".join(str(part) for part in location if not str(part).startswith("literal["))
    found = detail["input"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _known_keys(location[:-1])
        guess = nearest(str(location[-1]), known)
        hint = f"did you mean {'.'.join(map(str, [*location[:-1], guess]))}?" if guess else ""
        return f"unknown setting {where}: {hint or 'choose one of ' + ', '.join(known)}"
    if kind == "missing":
        return f"setting {where} is missing; add it to the file or give it with --set {where}=..."
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return message if not where or message.startswith("search.space") else f"{where}: {message}"
    if kind == CONVERSION:
        return f"{where}.{message}" if where else message
    if kind == "string_type":
        return _no_text(where, found)
    if kind == "literal_error":
        expected = [part.strip(" '") for part in re.split(r",| or ", detail["ctx"]["expected"])]
        guess = nearest(str(found), expected)
        hint = f"did you mean {guess!r}? " if guess else ""
        return f"{where} is {_shown(found)}: {hint}choose one of {', '.join(expected)}"
    message = _SUBJECT.sub("", message)  # "Input should be ..." and the like
    return f"{where} must {message}, found {_shown(found)}"


def _no_text(where: str, found: Any) -> str:
    """Return the sentence for a value where text is wanted, perhaps beside other single values."""
    name, _, last = where.rpartition(".")
    where, wanted = (name, "a single value") if last == "str" else (where, "text")
    if isinstance(found, dict | list | tuple):
        return f"{where} must be {wanted}, found {_shown(found)}"
    word = "null" if found is None else str(found).lower()
    return f"{where} must be {wanted}, found {word}; {in_quotes(word)}"


def _shown(found: Any) -> str:
    if isinstance(found, float) and math.isnan(found):
        return "nan"
    text = repr(found)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _require_numbers(metrics: Tree, source: str) -> None:
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(
                f"metrics.{name} must be a number as an export writes it, found {_shown(value)}; "
                f"remove it (in {source})"
            )


def _known_keys(location: list[Any]) -> list[str]:
    """Return the keys that the settings at a location accept."""
    model: type[BaseModel] = SweepConfig
    if location[:2] == TARGETS:  # names of variables are keys there too
        return list(VariableTargets.model_fields)
    for part in location:
        field = model.model_fields.get(str(part))
        section = (
            section_of(field.annotation) or section_beside_text(field.annotation) if field else None
        )
        if section is None:
            return ["low", "high", "log", "choices"] if "space" in location else []
        model = section
    return list(model.model_fields)


YAML_FORMS = ("'", '"', "|", ">", "!", "&", "*")
"""First characters of YAML text whose value differs from the text as typed."""


def _apply_override(tree: Tree, override: str) -> None:
    of_variable = OF_A_VARIABLE.fullmatch(override)
    key, equals, text = override.partition("=")
    if of_variable is not None:
        key, text = of_variable[1], of_variable[4]
    if not equals or not key.strip():
        raise ConfigError(
            f"--set {override!r} is not of the form key.path=value, such as "
            "--set training.epochs=20"
        )
    # A text such as *.nc: what an alias would refer to cannot be in it.
    is_pattern = text.lstrip().startswith("*")
    value = text.strip() if is_pattern else parse_yaml(text, f"--set {key}")
    if isinstance(value, str) and text.strip()[:1] not in YAML_FORMS:
        value = text.strip()  # a path may hold " #", with which a comment begins in a file
    node: Any = tree
    *sections, leaf = key.strip().split(".")
    if of_variable is not None:
        sections, leaf = [*TARGETS, of_variable[2]], of_variable[3]
    if len(sections) >= MOST_LEVELS:
        raise ConfigError(
            f"--set {_shown(key)} is {len(sections) + 1} levels deep, and no setting lies deeper "
            f"than {MOST_LEVELS}; name a setting such as training.epochs"
        )
    # A searched setting such as predictor.width is one key with a dot in it.
    if sections[:2] == ["search", "space"] and len(sections) > 2:
        last = [leaf] if leaf in ("low", "high", "log", "choices") else []
        name = ".".join([*sections[2:], *([] if last else [leaf])])
        sections, leaf = (
            (["search", "space", name], last[0]) if last else (["search", "space"], name)
        )
    for section in sections:
        node = node.setdefault(section, {})
        if not isinstance(node, dict):
            raise ConfigError(f"--set {key}: {section} is a single value and has no {leaf}")
    node[leaf] = value
    if sections == ["training"] and leaf in ("epochs", "length"):
        _let_the_later_win(node, leaf, value)


def _let_the_later_win(training: Tree, given: str, value: Any) -> None:
    """Remove what contradicts an override of the epochs, or of how the length is found."""
    if given == "epochs" and training.get("length") == "auto":
        training["length"] = "fixed"
        logger.info("training.epochs=%s replaces training.length auto of the file", value)
    if given == "length" and value == "auto" and training.pop("epochs", None) is not None:
        logger.info("training.length=auto replaces training.epochs of the file")
    if training.get("length") == "fixed":
        for name in ("least_steps", "most_steps", "patience_steps"):
            training.pop(name, None)


def _require_one_length(tree: Tree, source: str) -> None:
    """Refuse a file that both names the epochs and has them found; stored studies do both."""
    training = tree.get("training")
    if not isinstance(training, dict) or training.get("length") != "auto":
        return
    if training.get("epochs") is not None:
        raise ConfigError(
            f"training.epochs is {_shown(training['epochs'])} and training.length auto, which "
            f"finds the epochs; leave one of them out (in {source})"
        )


def _make_paths_absolute(tree: Tree, folder: Path) -> None:
    for section, key, what in (("data", "path", "a data file"), ("trainer", "project", "a folder")):
        part = tree.get(section)
        given = part.get(key) if isinstance(part, dict) else None
        if not isinstance(part, dict) or not given:
            continue
        if isinstance(given, str):
            part[key] = _absolute(given, folder, f"{section}.{key}", what)
        elif section == "data" and isinstance(given, list):
            part[key] = [
                _absolute(one, folder, "data.path", what) if isinstance(one, str) and one else one
                for one in given
            ]


def _absolute(given: str, folder: Path, where: str, what: str) -> str:
    try:
        return absolute(given, folder)
    except (OSError, RuntimeError, ValueError) as error:  # ~nobody, a loop, a NUL
        raise ConfigError(
            f"{where} {_shown(given)} is no path ({error}); give that of {what}"
        ) from error
