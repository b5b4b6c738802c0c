"""What check looks at where a script is trained: all that can be known without running it."""

from collections.abc import Callable, Iterator

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.sweep.checking.check import Check
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.execution.script.launch import find_program
from fieldsharp.sweep.execution.script.preflight import require_script


def check_script(config: SweepConfig) -> Iterator[Check]:
    """Yield every check of a script's configuration."""
    settings = config.trainer
    assert settings is not None, "there is a script"
    looks: dict[str, Callable[[], str]] = {
        "script": lambda: _script(config, settings),
        "values": lambda: _values(config, settings),
        "targets": lambda: _targets(config),
        "what comes back": lambda: _results(settings),
    }
    for name, look in looks.items():
        try:
            yield Check(name, ok=True, detail=look())
        except FieldsharpError as error:
            detail, _, fix = str(error).partition("; ")
            yield Check(name, ok=False, detail=detail, fix=fix)


def _script(config: SweepConfig, settings: ScriptSettings) -> str:
    require_script(config)
    commands = [
        " ".join([find_program(settings, command[0]), *command[1:]])
        for command in settings.commands
    ]
    return f"{', then '.join(commands)}, in a copy of {settings.project} for every trial"


def _values(config: SweepConfig, settings: ScriptSettings) -> str:
    names = [name.removeprefix("script.") for name in config.search.space]
    handed = ", ".join(f"{name} as {settings.called(name)}" for name in names)
    return f"searched and handed over as {settings.values}: {handed}"


def _targets(config: SweepConfig) -> str:
    facts = run_preflight(config).facts
    unit = f" {facts.units}" if facts.units else ""
    of = f"of {config.data.path}" if config.has_data else "as given: nothing else is known"
    return (
        f"gradient {facts.gradient.low:.4g}{unit} per cell, peak {facts.peak.low:.4g}{unit}, {of}"
    )


def _results(settings: ScriptSettings) -> str:
    if settings.forecast is not None:
        return (
            f"{settings.forecast} beside {settings.truth}: every guard is taken but change, which "
            "needs the last known frame"
        )
    where = settings.metrics or "what is printed"
    return (
        f"numbers in {where}: the guards whose metrics are not among them are left out, and "
        "nothing then refuses sharpness that is noise"
    )
