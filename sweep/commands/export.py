"""``export``: the best configuration, complete, as YAML, JSON or Python constants."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Storage, Study, storage_address
from fieldsharp.sweep.commands.printing import say, say_json, say_text

NAME = "export"
HELP = "Write the best configuration, complete enough to train it again."


class Format(StrEnum):
    """Formats of an export."""

    yaml = "yaml"
    json = "json"
    py = "py"


SUFFIXES = {".yaml": Format.yaml, ".yml": Format.yaml, ".json": Format.json, ".py": Format.py}


def run(
    study: Study,
    trial: Annotated[
        int | None, typer.Option(help="Another trial than the best: complete, pruned or paused.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="By default the suffix of -o, else yaml.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; by default, or -, the screen.")
    ] = None,
    next_sweep: Annotated[
        bool, typer.Option("--next", help="Instead, the sweep that follows: the search narrowed.")
    ] = False,
    members: Annotated[
        bool, typer.Option("--members", help="Instead, the sweep of members that follows this one.")
    ] = False,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Annotated[
        bool, typer.Option("--json", help="With -o: say as JSON what was written where.")
    ] = False,
) -> None:
    """Write a configuration out."""
    from fieldsharp.storage.database import open_database
    from fieldsharp.storage.errors.mapping import database_errors
    from fieldsharp.sweep.results import members_search, narrowed_search
    from fieldsharp.sweep.results.export import choose_trial, export_tree, render, standing, write
    from fieldsharp.sweep.results.narrowed_search import write_follow_up
    from fieldsharp.sweep.study.lookup import load_study

    if output == Path("-"):
        output = None
    if as_json and output is None:
        raise ConfigError(
            "--json says what was written where, and without -o nothing is written to a file; add "
            "-o FILE, or for an export in JSON --format json"
        )
    if next_sweep and trial is not None:
        raise ConfigError("--next narrows the whole search, and --trial names one; give either")
    if members and (next_sweep or trial is not None):
        other = "--next" if next_sweep else "--trial"
        raise ConfigError(
            f"--members writes another sweep, and {other} asks for something else; give either"
        )
    suffix = "" if output is None else output.suffix.lower()
    implied = SUFFIXES.get(suffix, Format.yaml)
    if form is not None and suffix in SUFFIXES and form != implied:
        raise ConfigError(
            f"--format {form.value} would be written to {output}, whose suffix means "
            f"{implied.value}; change one of them"
        )
    address = storage_address(storage)
    found = load_study(open_database(address, "read"), study)
    if next_sweep or members:
        with database_errors(address):
            text = (
                members_search.render_members_search(found)
                if members
                else narrowed_search.render_narrowed_search(found, found.get_trials(deepcopy=False))
            )
        if output is None:
            say_text(text)
            return
        option = members_search.OPTION if members else narrowed_search.OPTION
        write_follow_up(text, output, option)
        if as_json:
            say_json({"study": study, "output": str(output), "format": "yaml", "next": True})
            return
        say(f"the sweep that follows {study} written to {output}")
        return
    tree = export_tree(found, choose_trial(found, trial, address), as_advised=trial is None)
    chosen = form or implied
    text = render(tree, chosen.value)
    if output is None:
        say_text(text)
        return
    write(text, output)
    about = tree["exported"]
    if as_json:
        names = ["study", "trial", "state", "epochs", "preset", "score", "feasible", "verdict"]
        names.append("confirmed")
        written = {"output": str(output), "format": chosen.value, "next": False}
        say_json({**{name: about[name] for name in names if name in about}, **written})
        return
    say(f"trial {about['trial']}, {standing(about)}, written to {output}")
