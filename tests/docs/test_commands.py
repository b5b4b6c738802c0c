"""Every fenced block of the documentation does what it says.

Shell lines are typed page by page in one folder, configurations are loaded, code is written to the
file its first line names, where the commands after it use it, or executed where it names none. Only
``text`` is output and not run.
"""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml, parse_yaml, read_yaml
from tests.docs.pages import DOCS, Block, blocks, command_lines, pages_in_order
from tests.docs.typed import Typed

pytestmark = pytest.mark.xdist_group("docs")
PAGES = pages_in_order()
_FILE = re.compile(r"# (\S+\.py)\b")


@pytest.mark.outside
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_block_of_a_page_does_what_it_says(page: Path, typed: Typed) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page):
        match block.language:
            case "sh":
                for line in command_lines(block):
                    try:
                        typed.type(line)
                    except AssertionError as error:
                        pytest.fail(f"{block.place}: {line}\n{error}")
            case "yaml":
                _load(block, typed.folder)
            case "python" if _FILE.match(block.text):
                _write(block, typed.folder)
            case "python":
                _execute(block, names)
            case "text":
                pass  # output, or a drawing
            case _:
                pytest.fail(f"{block.place}: mark this block as sh, yaml, python or text")


def test_every_page_stands_in_the_index() -> None:
    assert {page.name for page in DOCS.glob("*.md")} == {
        page.name for page in PAGES if page.parent == DOCS
    }


@pytest.mark.parametrize("page", ["README", "docs/your-own-script"])
def test_both_languages_have_the_same_commands_and_settings(page: str) -> None:
    english, chinese = PROJECT / f"{page}.md", PROJECT / f"{page}.zh-CN.md"
    assert _typed_in(chinese) == _typed_in(english)
    assert _settings_in(chinese) == _settings_in(english)


def test_other_pages_mark_their_blocks_too() -> None:
    for block in blocks(PROJECT / "CONTRIBUTING.md"):
        assert block.language, f"{block.place} is not marked"


def _typed_in(page: Path) -> list[str]:
    return [
        line.partition("#")[0].rstrip()
        for block in blocks(page)
        if block.language == "sh"
        for line in command_lines(block)
    ]


def _settings_in(page: Path) -> list[str]:
    return [block.text for block in blocks(page) if block.language == "yaml"]


def _load(block: Block, folder: Path) -> None:
    """Load a part of a configuration, as part of the quickstart's."""
    tiny, part = read_yaml(folder / "configs/quickstart.yaml"), parse_yaml(block.text, block.place)
    if "length" in part.get("training", {}):  # the tiny quickstart gives its epochs
        del tiny["training"]["epochs"]
    if "path" in part.get("data", {}):  # data of the page's own
        del tiny["data"]
    whole = _merged(tiny, part)
    path = folder / "configs" / "block.yaml"
    path.write_text(dump_yaml(whole), encoding="utf-8")
    load_config(path)


def _merged(base: Any, change: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    # A space is given whole: a search of the page's own has nothing of the quickstart's in it.
    return {
        **base,
        **{k: v if k == "space" else _merged(base.get(k), v) for k, v in change.items()},
    }


def _execute(block: Block, names: dict[str, Any]) -> None:
    """Execute code of a page, whose blocks share their names as the cells of a notebook do."""
    with redirect_stdout(StringIO()):
        exec(compile(block.text, block.place, "exec"), names)  # noqa: S102 - of our own page


def _write(block: Block, folder: Path) -> None:
    named = _FILE.match(block.text)
    assert named, "looked at before"
    path = folder / named[1]
    path.parent.mkdir(exist_ok=True)
    path.write_text(block.text, encoding="utf-8")
    later = "\n".join(b.text for b in blocks(block.page) if b.line > block.line)
    module = named[1].removesuffix(".py").replace("/", ".")
    assert module in later, f"{block.place}: no command uses {module}"
