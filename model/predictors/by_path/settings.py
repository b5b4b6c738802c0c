"""Options of the predictors that are made of a net of a library."""

from collections.abc import Mapping

from fieldsharp.core.errors import ConfigError


def require_options(
    module: object,
    inputs_as: object,
    outputs_as: object,
    multiple: object,
    call: object,
    from_persistence: object,
) -> None:
    """Check the kinds of the options that ``image`` and ``video`` share.

    Raises:
        ConfigError: If one is of another kind.
    """
    for name, value in (("module", module), ("inputs_as", inputs_as), ("outputs_as", outputs_as)):
        if not isinstance(value, str | None):
            raise ConfigError(f"predictor.options.{name} must be a name, found {value!r}")
    whole = isinstance(multiple, int) and not isinstance(multiple, bool)
    if multiple is not None and not (whole and 1 <= multiple <= 1024):  # type: ignore[operator]
        raise ConfigError(
            "predictor.options.multiple must be a whole number between 1 and 1024, found "
            f"{multiple!r}"
        )
    if not isinstance(call, Mapping | None):
        raise ConfigError(f"predictor.options.call must be a mapping of arguments, found {call!r}")
    if not isinstance(from_persistence, bool):
        raise ConfigError(
            f"predictor.options.from_persistence must be true or false, found {from_persistence!r}"
        )
