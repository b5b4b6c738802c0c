"""``check``: diagnostics of a configuration before a sweep."""

import typer

from fieldsharp.sweep.commands.options import Config, Json, Overrides, find_config

NAME = "check"
HELP = "Check predictor, optimiser, losses and data of a configuration."


def run(config: Config = None, settings: Overrides = None, as_json: Json = False) -> None:
    """Check a configuration; exit code 1 if anything fails."""
    from rich.table import Table

    from fieldsharp.fields.files.data_files import DataFiles
    from fieldsharp.sweep.commands.console import wide_console
    from fieldsharp.sweep.commands.printing import say_json
    from fieldsharp.sweep.configuration.config_file import load_config
    from fieldsharp.sweep.tracking.packages import require_packages

    path = find_config(config)
    loaded = load_config(path, settings or []).config
    require_packages(loaded.tracking)
    console = wide_console()
    if console.is_terminal and not as_json:
        subject = DataFiles.of(loaded.data.path) if loaded.has_data else path
        console.print(f"checking {subject}", markup=False, soft_wrap=True)
    from fieldsharp.sweep.checking.checks import checks_of
    from fieldsharp.sweep.execution.leftover_processes import kill_leftovers

    with kill_leftovers():
        checks = list(checks_of(loaded))
    failed = sum(not check.ok for check in checks)
    if as_json:
        say_json({"checks": [check.as_json() for check in checks]})
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("check", "", "what was found"):
            table.add_column(heading, overflow="fold")
        for check in checks:
            table.add_row(check.name, "pass" if check.ok else "FAIL", check.detail)
            if not check.ok:
                table.add_row("", "", f"fix: {check.fix}")
        console.print(table)
        console.print(f"{failed} of {len(checks)} checks failed" if failed else "all checks pass")
    if failed:
        raise typer.Exit(1)
