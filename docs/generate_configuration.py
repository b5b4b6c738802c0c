"""Writes docs/configuration.md from the settings models: ``python -m docs.generate_configuration``.

A test holds the page to what this program makes, so the page cannot fall behind the code.
"""

from pathlib import Path

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fieldsharp.fields.settings import section_beside_text, section_of
from fieldsharp.sweep.configuration.run_settings import StartSettings
from fieldsharp.sweep.configuration.settings import DEFAULT_SPACE, SweepConfig

PAGE = Path(__file__).with_name("configuration.md")
INTRODUCTION = """# Configuration

Every setting of a sweep, made from the code by `python -m docs.generate_configuration`.

A configuration is a YAML file; any setting can also be given on the command line as
`--set key.path=value`. Unknown keys and values out of range are refused, and the message names the
nearest valid one. A relative `data.path` or `trainer.project` is relative to the configuration
file, or, given with `--set`, to the working directory. The further sections of an export
(`metrics`, `exported` and, of a trial that went on from the weights of its study's baseline,
`start_from`: what that was trained with) are allowed, and are not settings.

Words and numbers are read as in YAML 1.2, in files and in `--set`: only `true` and `false` are
booleans (`yes`, `no`, `on`, `off` are text), `null`, `~` and nothing are null, and numbers are
written as `20`, `1e-3`, `0x1F` or `0o17`. Dates, `1:30`, `1_000` and digits after a leading zero,
such as the label `010`, are text, and refused where a number is wanted. Text that looks like a
number or like `true` is put in quotes: `study: '2020'`, in a shell `--set "study='2020'"`. Keys are
text as written; of YAML 1.1 only the key `<<`, which merges mappings, is left. Files that this
program writes are read as the same values by YAML 1.1, such as PyYAML.

A study can be continued only with the configuration it was started with. `study`, `budget.*`,
`workers.*`, `recovery.*`, `tracking.*`, `plugins`, `trainer.timeout` and, as long as the contents
are the same, `data.path` and `trainer.project` may change.
"""


def page() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION]
    _section(lines, "", SweepConfig)
    lines.append("## What is searched by default\n")
    lines.append("| parameter | values |\n|---|---|")
    for name, searched in DEFAULT_SPACE.items():
        values = ", ".join(f"{k} {v}" for k, v in searched.model_dump().items())
        lines.append(f"| `{name}` | {values} |")
    return "\n".join(lines) + "\n"


def _section(lines: list[str], prefix: str, model: type[BaseModel]) -> None:
    own = {n: f for n, f in model.model_fields.items() if _submodel(f) is None}
    if own:
        lines.append(f"## {prefix.rstrip('.') or 'top level'}\n")
        if prefix and model.__doc__:
            lines.append(model.__doc__.strip().splitlines()[0] + "\n")
        lines.append("| setting | default | allowed | what it is |\n|---|---|---|---|")
        for name, field in own.items():
            name = "VARIABLE" if name == "by_name" else name
            row = (f"`{prefix}{name}`", _default(field), _allowed(field), field.description or "")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
        lines.append("")
    mappings = {section_beside_text(f.annotation): n for n, f in reversed(own.items())}
    for mapping, name in reversed(mappings.items()):
        if mapping is not None:
            _section(lines, f"{prefix}{name}.", mapping)
    for name, field in model.model_fields.items():
        submodel = _submodel(field)
        if submodel is not None and submodel is not StartSettings:
            _section(lines, f"{prefix}{name}.", submodel)


def _submodel(field: FieldInfo) -> type[BaseModel] | None:
    return section_of(field.annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "none"
    return "see below" if value == DEFAULT_SPACE else f"`{value}`"


def _allowed(field: FieldInfo) -> str:
    signs = {Ge: ("ge", ">="), Gt: ("gt", ">"), Le: ("le", "<="), Lt: ("lt", "<")}
    limits = [
        f"{sign} {getattr(limit, attribute):g}"
        for limit in field.metadata
        for kind, (attribute, sign) in signs.items()
        if isinstance(limit, kind)
    ]
    choices = [str(c) for c in getattr(field.annotation, "__args__", ()) if isinstance(c, str)]
    return ", ".join(limits or choices)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
