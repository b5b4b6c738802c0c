"""Text of others in a note is text: no link, no picture, no HTML, whatever it holds."""

import random
import re
from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fieldsharp.core.printable import printable
from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.dashboard.views.markdown import code, code_block, plain
from fieldsharp.sweep.dashboard.views.notes import trained_with
from fieldsharp.sweep.study.trial_spec import TrialSpec

PAGE = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINKED = (
    re.compile(r"(https?://|www\.)[-.\w]+", re.IGNORECASE),
    re.compile(r"[-.\w+]+@[-\w]+(\.[-\w]+)+"),
)
"""What the page makes a link of wherever it stands in text (mdast-util-gfm-autolink-literal)."""
WORDS = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "code_inline"}
HOSTILE = [
    "[x](https://example.org)",
    "![x](https://example.org/a.png)",
    "[x]: https://example.org\n\n[x]",
    "<https://example.org> <img src=x onerror=alert(1)> &lt;b&gt;",
    "https://example.org www.example.org (HTTPS://example.org) a@example.org",
    "`[x](https://example.org)` ``a` ` `` ``` ~~~",
    "|https://example.org|a`|`b|",
    "a|b\n---|---\n1|2",
    "# heading\n===\n---\n- one\n+ two\n* three\n1. four\n2) five\n> six",
    "--- ",
    "=",
    "1)",
    "**bold** _it_ ~~gone~~ $x$ \\[x](y) \\",
    "    indented\n\n\tcode",
    "\x1b]8;;https://example.org\x07x \u202e\u2028",
    "https:\\//example.org [^1] [ ] :smile:",
]


def _random_text(source: random.Random) -> str:
    parts = [
        *"\\`*_[]()<>#|~$!&-+=.:/@ \n1a",
        "https://",
        "www.",
        "a.bc",
        "](",
        "```",
        "\x1b",
        "<b>",
    ]
    return "".join(source.choices(parts, k=source.randint(1, 30)))


def _tokens(markdown: str) -> Iterator[Token]:
    for token in PAGE.parse(markdown):
        yield token
        yield from token.children or ()


def _shown(markdown: str) -> str:
    """What a page shows of a paragraph; nothing in it may be more than text and code."""
    found = list(_tokens(markdown))
    assert {token.type for token in found} <= WORDS, markdown
    parts: list[str] = []
    for token in found:
        if token.type == "code_inline":
            parts += ["\0", token.content, "\0"]
        elif token.type in ("text", "text_special"):
            parts.append(token.content)
    text = "".join(parts)
    outside = " ".join(text.split("\0")[::2])
    assert not any(pattern.search(outside) for pattern in LINKED), markdown
    return text.replace("\0", "")


def _expected(text: str) -> str:
    return " ".join(printable(word) for word in text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_as_it_is(text: str) -> None:
    assert _shown(plain(text)) == _expected(text)
    assert _shown(code(text)) == _expected(text)


def test_any_text_is_shown_as_it_is() -> None:
    source = random.Random(3)
    for text in (_random_text(source) for _ in range(1000)):
        assert _shown(plain(text)) == _expected(text)
        assert _shown(code(text)) == _expected(text) or not text.split()


def test_text_in_a_table_stays_in_its_cell() -> None:
    source = random.Random(4)
    for text in [*HOSTILE, *(_random_text(source) for _ in range(300))]:
        rows = f"| a | b |\n|---|---|\n| [{plain(text)}] | 1 |"
        cells = [t for t in _tokens(rows) if t.type in ("td_open", "th_open")]
        assert len(cells) == 4, text
        assert not [t for t in _tokens(rows) if t.type in ("link_open", "image", "html_inline")]


def test_no_line_ends_a_block_of_code() -> None:
    lines = ["report 'a\n```\n[x](https://example.org)'", "````", "~~~"]
    (block,) = PAGE.parse(code_block(*lines))
    assert block.type == "fence"
    assert block.content == "report 'a\\n```\\n[x](https://example.org)'\n````\n~~~\n"


def test_a_script_is_said_with_its_commands_and_values_alone() -> None:
    trainer = ScriptSettings(
        command=("python", "a.py", "` [x](https://example.org) ![y](z) `", "www.example.org"),
        then=("python", "b.py"),
        metrics="m.json",
        given={"note": "<img src=x> https://example.org", "rate": 0.5},
    )
    run = RunSettings(data=DataSettings(path=""), trainer=trainer)
    said = trained_with(TrialSpec(number=1, attempt=1, run=run))
    assert _shown(said) == (
        "python a.py ` [x](https://example.org) ![y](z) ` www.example.org, then python b.py, given "
        "note <img src=x> https://example.org, rate 0.5"
    )
