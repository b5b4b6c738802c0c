"""An export as a Python module that only assigns literals to constants."""

import ast
import pprint
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fieldsharp.core.errors import StudyError
from fieldsharp.core.printable import printable
from fieldsharp.sweep.configuration.safe_yaml import first_difference, not_finite
from fieldsharp.sweep.configuration.script_settings import ScriptSettings

NAMES = {
    "loss.gradient_weight": "GRADIENT_LOSS_WEIGHT",
    "loss.variant": "LOSS_VARIANT",
    "loss.multi_step": "MULTI_STEP",
    "predictor.width": "HIDDEN_WIDTH",
}
_IDENTIFIER = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_ADVICE = "export it as YAML, which holds any name and value (-o best.yaml, or --format yaml)"

Constants = dict[str, Any]


def python_constants(tree: Mapping[str, Any], title: str) -> str:
    """Return an ``export_tree`` as Python source that assigns literals to constants, nothing else.

    The source is parsed, not run, and compared with the values before it is returned.

    Raises:
        StudyError: If a name is no ASCII identifier, two names are the same, or a value has no
            Python literal.
    """
    docstring = f"{title[0].upper()}{title[1:]}."
    quoted = docstring.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'"""{quoted}"""', ""]
    expected: Constants = {}
    for heading, constants in _parts(tree):
        lines.append(f"# {heading}")
        for name, value in constants:
            if name in expected:
                raise StudyError(
                    f"two values of this trial would both be the constant {name}; {_ADVICE}"
                )
            expected[name] = value
            lines.append(f"{name} = {pprint.pformat(value, width=90)}")
        lines.append("")
    source = "\n".join(lines[:-1]) + "\n"
    where = not_finite(expected)
    if where is not None:
        raise StudyError(f"{where} is infinite or nan, which has no literal in Python; {_ADVICE}")
    difference = _difference(source, docstring, expected)
    if difference is not None:
        raise StudyError(f"Python cannot hold this trial ({printable(difference)}); {_ADVICE}")
    return source


def _parts(tree: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Yield the constants in order, each group with its heading."""
    if tree.get("trainer"):
        settings = ScriptSettings.model_validate(tree["trainer"])
        given = settings.given.items()
        yield (
            "what the script is given",
            [(_identifier(settings.called(name)), value) for name, value in given],
        )
    else:
        for section in ("loss", "training", "predictor", "data"):
            yield (
                section,
                [(_constant(section, name), value) for name, value in tree[section].items()],
            )
        if tree.get("start_from"):
            yield "what is trained first", [("START_FROM", tree["start_from"])]
    rest = ("study", "plugins", "objective", "search", "budget", "workers")
    yield (
        "what it had on the validation split, and where it comes from",
        [
            ("METRICS", tree["metrics"]),
            ("EXPORTED", tree["exported"]),
            ("SWEEP", {name: tree[name] for name in rest}),
        ],
    )


def _constant(section: str, name: str) -> str:
    known = NAMES.get(f"{section}.{name}")
    return known or (name if section == "training" else f"{section}_{name}").upper()


def _identifier(called: str) -> str:
    """Return the script's name for a value as the name of a constant.

    Raises:
        StudyError: If that is no ASCII identifier. Python normalises other letters, such as
            mathematical ones, and upper-casing changes the length of some.
    """
    plain = called.rpartition(":")[2].lstrip("-").replace("-", "_").replace(".", "_")
    name = plain.upper()
    if not plain.isascii() or not _IDENTIFIER.fullmatch(name):
        raise StudyError(
            f"the script calls a value '{printable(called)}' (trainer.names), which is no name of "
            f"a Python constant in ASCII letters, digits and underscores; {_ADVICE}"
        )
    return name


def _difference(source: str, docstring: str, expected: Constants) -> str | None:
    """Return the first difference between the parsed source and the constants, else None."""
    try:
        module = ast.parse(source)
        _, *statements = module.body
        if ast.get_docstring(module, clean=False) != docstring:
            return "its title would be read as another"
        found = dict(map(_assignment, statements))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"it would be no module of constants: {error}"
    if len(found) < len(statements):
        return "a constant would be assigned twice"
    return first_difference(expected, found)


def _assignment(statement: ast.stmt) -> tuple[str, Any]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, ast.literal_eval(value)
    raise ValueError(f"line {statement.lineno} is no assignment of a literal")
