"""Reading and writing YAML and JSON of plain values, within limits and verified after writing."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.printable import printable
from fieldsharp.core.program_name import program
from fieldsharp.storage.durable_files.regular_files import read_bounded
from fieldsharp.sweep.configuration import core_schema
from fieldsharp.sweep.configuration.limited_loader import LimitedLoader, LimitExceeded

MOST_BYTES = 1_000_000
LONGEST_REASON = 300

Tree = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Quotes text that a reader of YAML 1.1 or 1.2 would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - of the base class
        """Write repeated values in full."""
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        """Write a value with control characters in double quotes, the only style with escapes."""
        analysis = super().analyze_scalar(scalar)
        if printable(scalar) != scalar:
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        return analysis


class _OwnLoader(LimitedLoader):
    """Reads the output of ``_Dumper``, in which control characters are escaped."""

    takes_control_characters = True


for tag, words, starts in core_schema.SPECIFIED:
    _Dumper.add_implicit_resolver(tag, words, list(starts))
# Booleans of YAML 1.1 that PyYAML alone takes for text.
_Dumper.add_implicit_resolver(core_schema.BOOLEAN, re.compile(r"[yYnN]\Z"), list("yYnN"))


def _give_a_file() -> str:
    return f"give a YAML file, such as `{program()} example > sweep.yaml` writes"


def read_yaml(path: Path) -> Any:
    """Return the plain values in a YAML or JSON file.

    Raises:
        ConfigError: If it is missing, no regular file, no YAML of plain values in UTF-8, or beyond
            a limit.
    """
    try:
        text = read_bounded(path, MOST_BYTES).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"configuration {path} does not exist; {_give_a_file()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"configuration {path} is not valid YAML: byte {error.start} is no UTF-8; save it as "
            "UTF-8 text"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"configuration {path} cannot be read ({error.strerror}); give a YAML file you may read"
        ) from error
    except ValueError as error:
        raise ConfigError(f"configuration {path} {error}; {_give_a_file()}") from error
    return parse_yaml(text, f"configuration {path}")


def parse_yaml(text: str, what: str) -> Any:
    """Parse one YAML document of plain values; ``what`` is the subject of the error message.

    Raises:
        ConfigError: If it is no YAML of plain values, or beyond a limit.
    """
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{what} is larger than {MOST_BYTES / 1e6:g} MB; leave most of it out")
    try:
        loader = LimitedLoader(text)
        return _unshared(loader.get_single_data())
    except LimitExceeded as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}" if mark is not None else "it"
        problem, _, advice = str(error.problem).partition("; ")
        raise ConfigError(f"{what} {problem} ({where}); {advice}") from error
    except yaml.YAMLError as error:
        reason = _reason(error)
        of_text = "alias" in reason  # of a pattern of files, most likely
        advice = """put text with * in quotes, as '*.nc'""" if of_text else "mend that place"
        raise ConfigError(f"{what} is not valid YAML: {reason}; {advice}") from error
    # Raised by PyYAML's constructors for a value that does not fit its tag, such as !!int many.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{what} is not valid YAML: a value is not what its tag or form says "
            f"({_reason(error)}); mend or quote it"
        ) from error


def _reason(error: Exception) -> str:
    """Return the reason without PyYAML's excerpt, which may be as long as the file."""
    text, where = str(error), ""
    if isinstance(error, yaml.MarkedYAMLError):
        text = ", ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    text = " ".join(text.split())
    return (text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}...") + where


def dump_yaml(tree: Tree, comment: str = "") -> str:
    """Return plain values as YAML that is read as the same values by YAML 1.1 and 1.2.

    That is verified, by reading it as this program does and as PyYAML does.

    Args:
        tree: The values.
        comment: Text of the first line; line breaks and control characters are escaped.

    Raises:
        ConfigError: If the YAML would be read as other values.
    """
    body = escape_quoted(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    text = f"# {_in_a_comment(comment)}\n{body}" if comment else body
    for loader in (_OwnLoader, yaml.SafeLoader):
        try:
            difference = first_difference(tree, loader(text).get_single_data())
        except (yaml.YAMLError, ValueError) as error:
            difference = _reason(error)
        if difference is not None:
            raise ConfigError(
                f"these values cannot be written as YAML ({printable(difference)}); change that "
                "value"
            )
    return text


def escape_quoted(text: str) -> str:
    r"""Return YAML or JSON with control characters as ``\uXXXX``.

    Args:
        text: Text with control characters only within double quotes.
    """
    return "".join(c if c == "\n" or printable(c) == c else f"\\u{ord(c):04X}" for c in text)


def _in_a_comment(text: str) -> str:
    """Return text escaped to one line that every YAML reader accepts."""
    unreadable = yaml.reader.Reader.NON_PRINTABLE
    escaped = unreadable.sub(lambda found: ascii(found[0])[1:-1], printable(text))
    return escaped.replace("\ufeff", r"\ufeff")


def _unshared(value: Any) -> Any:
    """Return a copy in which each alias is an object of its own."""
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unshared(inner) for inner in value]
    return value


def first_difference(meant: Any, found: Any, at: str = "") -> str | None:
    """Return the first difference of two trees of plain values, None if they are equal.

    Types count: 1, 1.0, True and "1" differ. Lists equal tuples, and nan equals nan. ``at`` is the
    dotted path of both within their trees.
    """
    where = at or "the whole"
    if isinstance(meant, dict) and isinstance(found, dict):
        if set(map(_typed, meant)) != set(map(_typed, found)):
            return f"the names in {where} are read as others"
        inner = ((name, meant[name], found[name]) for name in meant)
    elif isinstance(meant, list | tuple) and isinstance(found, list | tuple):
        if len(meant) != len(found):
            return f"{where} has {len(meant)} values, of which {len(found)} are read"
        inner = ((index, *pair) for index, pair in enumerate(zip(meant, found, strict=True)))
    elif _typed(meant) == _typed(found):
        return None
    else:
        return f"{where} is {meant!r} and is read as {found!r}"
    differences = (first_difference(a, b, _path(at, name)) for name, a, b in inner)
    return next((difference for difference in differences if difference is not None), None)


def not_finite(tree: Any, at: str = "") -> str | None:
    """Return the dotted path of the first number that is infinite or nan, None if there is none."""
    if isinstance(tree, float):
        return None if math.isfinite(tree) else at
    items: Iterable[tuple[object, Any]] = tree.items() if isinstance(tree, dict) else ()
    if isinstance(tree, list | tuple):
        items = enumerate(tree)
    paths = (not_finite(value, _path(at, name)) for name, value in items)
    return next((path for path in paths if path is not None), None)


def _path(at: str, name: object) -> str:
    return f"{at}.{name}" if at else str(name)


def _typed(value: Any) -> tuple[type, str]:
    return type(value), repr(value)
