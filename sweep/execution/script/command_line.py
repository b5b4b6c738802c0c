"""What a script's command line takes, and a trial's values as words of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from pydantic import Field

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import nearest
from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.configuration.placeholders import PROJECT_NAME, alone, fill, placeholders
from fieldsharp.sweep.configuration.ranges import GivenValue

_PLAIN_TEXT = re.compile(r"[A-Za-z_/][A-Za-z0-9_./\-]*")
"""Text that no reader of settings takes for a number, a list or an expression."""
_OTHER_WORDS = {"true", "false", "null", "nan", "inf", "none", "yes", "no", "on", "off"}
_SETTING = re.compile(r"(?P<key>[^-=][^=]*)=\{\w+\}", re.ASCII)


Grammar = Literal["plain", "hydra", "omegaconf", "fire"]


class Flag(Settings):
    """A flag of a script.

    Attributes:
        takes: ``value``, one word; ``words``, several; ``repeated``, the flag once for each
            value; ``nothing``, so that its presence is true; ``truth``, a word that Python's
            ``bool`` converts, under which all but the empty one are true.
        negative: The flag for false, if there is one.
        always: The value that it has whether it is there or not, None if that differs.
    """

    takes: Literal["value", "words", "repeated", "nothing", "truth"] = "value"
    negative: str | None = None
    always: bool | None = None


class CommandLine(Settings):
    """The command line of a script, as far as it is known.

    Attributes:
        flags: By name.
        is_complete: Whether it certainly takes no other flags.
        grammar: How it reads ``key=value``, or for ``fire`` every value; ``plain`` takes words as
            they are.
    """

    flags: dict[str, Flag] = Field(default_factory=dict)
    is_complete: bool = False
    grammar: Grammar = "plain"

    def find(self, flag: str) -> Flag | None:
        """Return what is known of a flag; of a beginning of one that argparse completes too."""
        if flag in self.flags:
            return self.flags[flag]
        longer = [name for name in self.flags if name.startswith(flag)]
        return self.flags[longer[0]] if flag.startswith("--") and len(longer) == 1 else None

    def spelling(self, name: str) -> str:
        """Return the flag of a value, with dashes or underscores as the script has it."""
        spellings = ("--" + name.replace("_", "-"), "--" + name, "-" + name)
        return next((flag for flag in spellings if flag in self.flags), spellings[0])

    def words(self, flag: str, value: GivenValue) -> list[str]:
        """Return the words that pass a value.

        Raises:
            ConfigError: If the flag cannot express it.
        """
        known = self.find(flag) or Flag(takes="words" if isinstance(value, tuple) else "value")
        off = next((f for f in self._negatives(flag) if f in self.flags), None)
        if flag not in self.flags and off is not None and self.flags[off].takes == "nothing":
            known = Flag(takes="nothing", negative=off)
            flag = ""
        if known.takes == "nothing":
            if not isinstance(value, bool):
                raise ConfigError(
                    f"the flag {flag or off} of the script takes no value, and {value!r} is given; "
                    "give true or false, or name another flag under trainer.names"
                )
            if known.always is not None and value is not known.always:
                raise ConfigError(
                    f"the flag {flag} of the script is {str(known.always).lower()} whether it is "
                    f"there or not, and {str(value).lower()} is given; correct its default in the "
                    "script"
                )
            word = flag if value else known.negative
            return [word] if word else []
        if isinstance(value, tuple):
            if known.takes == "repeated":
                return [word for one in value for word in self.words(flag, one)]
            if known.takes == "value" and self.find(flag) is not None and self.grammar == "plain":
                raise ConfigError(
                    f"the flag {flag} of the script takes one value, and the list {list(value)} is "
                    "given; give one value, or have the flag take several"
                )
            return [flag, *(without_exponent(self.text(one)) for one in value)]
        if known.takes == "truth" and isinstance(value, bool):
            return [flag, "true" if value else ""]
        text = self.text(value)
        # Else the value would be parsed as another flag: -1e-05.
        if text.startswith("-"):
            joined = flag.startswith("--")
            return [f"{flag}={text}"] if joined else [flag, without_exponent(text)]
        return [flag, text]

    def text(self, value: GivenValue) -> str:
        """Return a value as text that the script reads as it."""
        if self.grammar != "fire" or (
            isinstance(value, int | float) and not isinstance(value, bool)
        ):
            return as_argument(value)
        is_plain = isinstance(value, str) and _is_plain(value)
        return str(value) if is_plain else repr(list(value) if isinstance(value, tuple) else value)

    def fill(self, word: str, values: Mapping[str, GivenValue], project: str) -> list[str]:
        """Return a word of a command with the values of the names in braces in it.

        A list that stands alone becomes several words.

        Raises:
            ConfigError: If a value cannot be written there.
        """
        name = alone(word)
        value = values.get(name) if name is not None else None
        if isinstance(value, tuple):
            return [without_exponent(as_argument(one)) for one in value]
        if value is not None:
            return [without_exponent(as_argument(value))]
        texts = {
            n: self._text_within(word, n, values[n]) for n in placeholders(word) if n in values
        }
        return [fill(word, {**texts, PROJECT_NAME: project})]

    def _text_within(self, word: str, name: str, value: GivenValue) -> str:
        setting = _SETTING.fullmatch(word)
        if self.grammar in ("hydra", "omegaconf") and not word.startswith("-"):
            if isinstance(value, str) and not _is_plain(value) and setting is None:
                raise ConfigError(
                    f"{word!r} places {name} within other text, and {value!r} is there read as "
                    "another value; place it alone after the equals sign"
                )
            return self._as_setting(value)
        flag, _, rest = word.partition("=")
        known = self.find(flag) if flag.startswith("-") and rest else None
        if known is not None and known.takes == "nothing":
            raise ConfigError(
                f"trainer.command has {word}, and the flag {flag} of the script takes no value; "
                f"take the word out and set trainer.names.{name} to {flag}"
            )
        if known is not None and known.takes == "truth" and isinstance(value, bool):
            return "true" if value else ""
        return self.text(value) if flag.startswith("-") else as_argument(value)

    def _as_setting(self, value: GivenValue) -> str:
        if isinstance(value, tuple):
            return f"[{','.join(map(self._as_setting, value))}]"
        if not isinstance(value, str) or _is_plain(value):
            return as_argument(value)
        if self.grammar == "omegaconf":
            return "'" + value.replace("'", "''") + "'"
        # Hydra: backslashes count only before a quote.
        escaped = re.sub(r"(\\*)(?='|\Z)", lambda found: found[1] * 2, value)
        return "'" + escaped.replace("'", "\\'") + "'"

    def _negatives(self, flag: str) -> tuple[str, ...]:
        name = flag.removeprefix("--")
        return (f"--no-{name}", f"--no_{name.replace('-', '_')}", f"--no-{name.replace('_', '-')}")

    def require_flags(self, command: Sequence[str], key: str) -> None:
        """Check that a command has no flag that its script does not take.

        Raises:
            ConfigError: If it has one.
        """
        for word in self._flags_of(command):
            self.require_flag(word, f"{key} has")

    def require_flag(self, flag: str, who: str) -> None:
        """Check that a script takes a flag, where all of its flags are known.

        Raises:
            ConfigError: If it does not.
        """
        if not self.is_complete or self.find(flag) is not None:
            return
        if any(one in self.flags for one in self._negatives(flag)):
            return
        near = nearest(flag, self.flags)
        hint = f"did you mean {near}?" if near else f"it takes {', '.join(sorted(self.flags))}"
        raise ConfigError(f"{who} {flag}, and the script takes no such flag; {hint}")

    def _flags_of(self, command: Sequence[str]) -> Iterator[str]:
        is_script = False
        for before, word in zip(["", *command], command, strict=False):
            if is_script and word == "--":
                return
            if is_script and word.startswith("--"):
                yield word.partition("=")[0]
            is_script = is_script or word.endswith(".py") or before == "-m"


def _is_plain(text: str) -> bool:
    return _PLAIN_TEXT.fullmatch(text) is not None and text.lower() not in _OTHER_WORDS


def as_argument(value: GivenValue) -> str:
    """Return a value as text: true and false as in YAML, a list in brackets."""
    if isinstance(value, tuple):
        return f"[{','.join(map(as_argument, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def without_exponent(text: str) -> str:
    """Return the text of a negative number as argparse takes it for one: -1e-05 as -0.00001."""
    if not re.fullmatch(r"-[0-9.]+e[-+]?[0-9]+", text):
        return text
    plain = format(Decimal(text), "f")
    return plain if "." in plain else plain + ".0"
