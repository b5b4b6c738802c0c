"""One place writes to the terminal, and shows text as it is."""

import ast
import io

import pytest
from rich.table import Table
from rich.text import Text

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.commands.console import PlainConsole, wide_console
from fieldsharp.sweep.commands.printing import say, say_on_stderr, say_text, write_any_character

PRINTING = {
    "sweep/commands/printing.py",
    "sweep/commands/console.py",
    "sweep/interface/progress.py",  # of Python programs
    "sweep/execution/ray/auth_probe.py",  # a program of its own, whose output is read by us
}
WRITES = {"print", "echo", "secho", "print_json", "Console", "get_console", "echo_via_pager"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}


def _writes(call: ast.Call) -> bool:
    """Whether this is ``print(...)``, ``typer.echo(...)``, ``sys.stdout.write(...)``."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in WRITES
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value
    if isinstance(owner, ast.Attribute) and owner.attr in STREAMS:
        return function.attr in ("write", "writelines")
    of_module = isinstance(owner, ast.Name) and owner.id in ("typer", "click", "rich", "builtins")
    return of_module and function.attr in WRITES


def test_nothing_else_writes_to_the_terminal() -> None:
    packages = ("sweep", "storage", "model", "objectives", "fields", "core")
    files = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    found = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for path in files
        if path.relative_to(PROJECT).as_posix() not in PRINTING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _writes(node)
    ]
    assert len(files) > 200
    assert found == []


@pytest.mark.parametrize(
    "line", ["print('x')", "typer.echo(x)", "sys.stdout.write(x)", "Console()", "rich.print(x)"]
)
def test_what_writes_to_the_terminal_is_known(line: str) -> None:
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert _writes(call)


def test_a_line_break_of_others_begins_no_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    say("study a\nverdict: SUCCESS\x1b[2J")
    say_text("a: 1\nb: \x9b\n")
    say_on_stderr("error: \u202e\r")
    said = capsys.readouterr()
    assert said.out == "study a\\nverdict: SUCCESS\\x1b[2J\na: 1\nb: \\x9b\n"
    assert said.err == "error: \\u202e\\r\n"


def test_what_the_encoding_of_a_terminal_lacks_is_an_escape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    write_any_character()
    say("5 µg")
    wide_console().print("水")
    assert written.getvalue() == b"5 \\xb5g\n\\u6c34\n"


def _printed(*renderables: object) -> str:
    console = PlainConsole(file=io.StringIO(), width=80, force_terminal=False)
    console.print(*renderables)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_nothing_in_a_text_is_markup_or_an_emoji() -> None:
    text = "[bold]:smile: [link=https://example.org]x[/link]"
    assert _printed(text) == f"{text}\n"


def test_a_table_is_drawn_as_wide_as_what_is_shown() -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("a\x07")
    table.add_column("b")
    table.add_row("\x1b[31m[red]", "1")
    table.add_row("plain", "2")
    heading, hostile, plain = _printed(table).splitlines()
    assert heading.startswith(r"a\x07 ")
    assert hostile.startswith(r"\x1b[31m[red] ")
    assert heading.index("b") == hostile.rindex("1") == plain.index("2")


def test_what_was_never_a_string_is_cleaned_too() -> None:
    assert _printed(Text("a\x1b]0;title\x9c\u202e")) == "a\\x1b]0;title\\x9c\\u202e\n"
