"""Control characters of foreign text on a terminal."""

import pytest

from fieldsharp.core.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Tübingen, 中文", "plain, Tübingen, 中文"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("c1 \x9b2J", r"c1 \x9b2J"),
        ("half \ud800", r"half \ud800"),
        ("turned \u202egpj.exe", r"turned \u202egpj.exe"),
        ("line\u2028break", r"line\u2028break"),
        ("no-break\u00a0space", "no-break\u00a0space"),
        ("mark\u200f of \u05d0", "mark\\u200f of \u05d0"),
    ],
)
def test_control_characters_are_shown_as_what_they_are(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_line_breaks_can_be_kept() -> None:
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"
