"""``storage``: checking, backing up, upgrading and restoring the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fieldsharp.storage.location.paths import BACKUPS_KEPT
from fieldsharp.sweep.commands.options import DEFAULT_STORAGE, Json, Storage, storage_address
from fieldsharp.sweep.commands.printing import say, say_json, say_text

if TYPE_CHECKING:
    from fieldsharp.storage.maintenance.inspect import Inspection, StudyFound

NAME = "storage"
HELP = "Check, back up, upgrade or restore the database."

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def show_help(context: typer.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        say_text(f"{context.get_help()}\n")


@app.command(help="Check every page and list the studies; changes nothing.")
def check(storage: Storage = DEFAULT_STORAGE, as_json: Json = False) -> None:
    """Check a database; exit code 1 if it cannot be used as it is."""
    from fieldsharp.storage.errors.messages import damaged
    from fieldsharp.storage.maintenance.inspect import inspect
    from fieldsharp.storage.sqlite.checks import require_schema

    address = storage_address(storage)
    found = inspect(address)
    if as_json:
        say_json(_as_json(found))
    else:
        for line in _lines(found):
            say(line)
    if found.problems:
        raise damaged(address, found.problems[0])
    require_schema(address, found.schema)


@app.command(help="Copy the database, also while a sweep runs.")
def backup(
    storage: Storage = DEFAULT_STORAGE,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file, instead of a numbered backup.")
    ] = None,
    keep: Annotated[
        int, typer.Option(min=1, help="Numbered backups kept; older ones are removed.")
    ] = BACKUPS_KEPT,
    as_json: Json = False,
) -> None:
    """Copy a database."""
    from fieldsharp.storage.maintenance.backup import back_up, copy_database

    address = storage_address(storage)
    if output is None:
        output = back_up(address, keep)
    else:
        copy_database(address, output)
    if as_json:
        say_json({"backup": str(output)})
    else:
        say(f"backed up to {output}")


@app.command(help="Back up an older database, bring it up to date.")
def upgrade(storage: Storage = DEFAULT_STORAGE, as_json: Json = False) -> None:
    """Upgrade the tables of a database."""
    from fieldsharp.storage.maintenance.upgrade import upgrade as upgrade_database

    done = upgrade_database(storage_address(storage))
    if as_json:
        backup = None if done.backup is None else str(done.backup)
        say_json({"former": done.former, "current": done.current, "backup": backup})
        return
    if done.former == done.current:
        say(f"nothing to do: the tables are {done.current} already")
        return
    say(f"upgraded from {done.former or 'an unknown version'} to {done.current}")
    if done.backup is not None:
        say(f"as it was: {done.backup}")


@app.command(help="Put a backup back; the database is moved aside.")
def restore(
    backup: Annotated[
        Path | None, typer.Argument(help="The backup; the newest if not given.")
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Json = False,
) -> None:
    """Restore a database."""
    from fieldsharp.storage.maintenance.restore import restore as restore_database

    done = restore_database(storage_address(storage), backup)
    if as_json:
        aside = None if done.aside is None else str(done.aside)
        say_json({"database": str(done.path), "backup": str(done.backup), "aside": aside})
        return
    say(f"restored {done.path} from {done.backup}")
    if done.aside is not None:
        say(f"the former database is kept: {done.aside}")


def _lines(found: "Inspection") -> list[str]:
    lines = [f"wrong: {problem}" for problem in found.problems]
    if found.is_on_server:
        lines.append("structure: its server's to look at, with pg_amcheck where it is PostgreSQL")
    elif not found.problems:
        lines.append("structure: every page and every reference is in order")
    lines.append(f"tables: {found.schema or 'of an unknown version'}")
    lines += [_study_line(study) for study in found.studies]
    if not found.studies:
        lines.append("studies: none")
    lines += [f"leftover: {path}: {what}" for path, what in found.leftovers.items()]
    if found.is_on_server:
        return [*lines, "backups: its server's to make, with pg_dump where it is PostgreSQL"]
    newest = found.backups[-1] if found.backups else "none"
    lines.append(f"backups: {len(found.backups)}, the newest {newest}")
    return lines


def _study_line(study: "StudyFound") -> str:
    counts = ", ".join(f"{n} {state.lower()}" for state, n in study.states.items()) or "no trials"
    if study.abandoned:
        counts += "; nobody runs it: the next start goes on with what is running there"
    elif study.is_run:
        counts += "; it is being run"
    return f"study {study.name}: {counts}"


def _as_json(found: "Inspection") -> dict[str, Any]:
    return {
        "problems": found.problems,
        "schema": found.schema,
        "studies": [
            {
                "name": study.name,
                "states": study.states,
                "is_run": study.is_run,
                "abandoned": study.abandoned,
            }
            for study in found.studies
        ],
        "leftovers": {str(path): what for path, what in found.leftovers.items()},
        "backups": [str(path) for path in found.backups],
    }
