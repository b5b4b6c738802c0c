"""Reading a configuration from YAML and the command line, every mistake said in one sentence."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from fields.errors import ConfigError
from fields.names import nearest
from sweep.configuration.settings import SweepConfig

EXPORT_SECTIONS = ("exported", "metrics")
Tree = dict[str, Any]
_SUBJECT = re.compile(r"^\w+ should ")


@dataclass(frozen=True)
class ConfigFile:
    """A configuration, and what an export wrote beside it.

    Attributes:
        config: Validated settings; ``data.path`` is absolute.
        exported: Provenance of an exported configuration, empty for a written one.
        metrics: The metrics an exported configuration had, empty for a written one.
    """

    config: SweepConfig
    exported: Mapping[str, Any]
    metrics: Mapping[str, float]


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number, as in YAML 1.2 (1.1 reads a word)."""


def _mapping_without_doubles(loader: _Loader, node: yaml.MappingNode) -> Tree:
    keys = [key.value for key, _ in node.value]
    doubles = sorted({key for key in keys if keys.count(key) > 1})
    if doubles:
        raise yaml.constructor.ConstructorError(
            None, None, f"the key {doubles[0]!r} stands there twice", node.start_mark
        )
    return {str(k): v for k, v in loader.construct_mapping(node, deep=True).items()}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_doubles)


class _Dumper(yaml.SafeDumper):
    """Writes what ``_Loader`` reads: the word 1e3 is quoted."""


for _side in (_Loader, _Dumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
        list("-+.0123456789"),
    )


def dump_yaml(tree: Tree) -> str:
    """Return plain values as the YAML that ``load_config`` reads back to the same."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def load_config(path: Path, overrides: Sequence[str] = ()) -> ConfigFile:
    """Read a configuration file and apply ``key.path=value`` overrides.

    A relative ``data.path`` in the file is relative to the file; in an override, to the working
    directory.

    Raises:
        ConfigError: If the file is missing or no YAML, a key or name is unknown, or a value is out
            of range.
    """
    if not path.is_file():
        raise ConfigError(
            f"configuration {path} does not exist; give a YAML file, such as "
            "configs/quickstart.yaml"
        )
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - safe
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"configuration {path} is not valid YAML: {where}") from error
    if not isinstance(tree, dict):
        raise ConfigError(
            f"configuration {path} must be a mapping of settings such as 'data:', "
            f"found {type(tree).__name__}"
        )
    beside: Tree = {name: tree.pop(name, None) or {} for name in EXPORT_SECTIONS}
    for name, section in beside.items():
        if not isinstance(section, dict):
            raise ConfigError(
                f"{name} must be a mapping as an export writes it, found {section!r}; remove it "
                f"(in {path})"
            )
    tree = {name: section for name, section in tree.items() if section is not None}
    _anchor_data_path(tree, path.resolve().parent)
    for override in overrides:
        _apply_override(tree, override)
    _anchor_data_path(tree, Path.cwd())
    return ConfigFile(
        config=validate(tree, f"{path} and the command line" if overrides else str(path)),
        exported=beside["exported"],
        metrics=beside["metrics"],
    )


def validate(tree: Tree, source: str) -> SweepConfig:
    """Return the settings a tree of plain values stands for.

    Raises:
        ConfigError: Naming the first wrong setting, its constraint, what was found and the fix.
    """
    try:
        return SweepConfig.model_validate(tree)
    except ValidationError as error:
        # A misspelt key often leaves another one missing: say the misspelling.
        details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise ConfigError(f"{_sentence(details[0])}{more} (in {source})") from error


def _sentence(detail: Any) -> str:
    # The tag of a union stands in the location but not in the file.
    found_at = list(detail["loc"])
    if found_at[:2] == ["search", "space"]:
        del found_at[3:4]
    location = [part for part in found_at if part not in ("int", "float", "bool")]
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
    if kind == "literal_error":
        expected = [part.strip(" '") for part in re.split(r",| or ", detail["ctx"]["expected"])]
        guess = nearest(str(found), expected)
        hint = f"did you mean {guess!r}? " if guess else ""
        return f"{where} is {found!r}: {hint}choose one of {', '.join(expected)}"
    message = _SUBJECT.sub("", message)  # "Input should be ..." and the like
    shown = "nan" if isinstance(found, float) and math.isnan(found) else repr(found)
    return f"{where} must {message}, found {shown}"


def _known_keys(location: list[Any]) -> list[str]:
    """Return the keys the settings model at a location accepts."""
    model: type[BaseModel] = SweepConfig
    for part in location:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ["low", "high", "log", "choices"] if "space" in location else []
        model = annotation
    return list(model.model_fields)


def _apply_override(tree: Tree, override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"--set {override!r} is not of the form key.path=value, such as "
            "--set training.epochs=20"
        )
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - safe
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {key}: {text!r} is not a valid YAML value") from error
    node: Any = tree
    *sections, leaf = key.strip().split(".")
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


def _anchor_data_path(tree: Tree, folder: Path) -> None:
    data = tree.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str):
        data["path"] = str((folder / Path(data["path"]).expanduser()).resolve())
