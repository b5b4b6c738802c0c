"""The pages of the documentation, taken apart: fenced blocks, links and headings."""

import re
from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.checkout import PROJECT

DOCS = PROJECT / "docs"
_FENCE = re.compile(r"^```(.*)$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$")
_CODE = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Its file.
        line: Of its first line, from 1.
        language: What stands behind the fence; empty where nothing does.
        text: What is inside.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where to look."""
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    found: list[Block] = []
    language: str | None = None
    inside: list[str] = []
    start = 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            inside.append(line)
        elif language is None:
            language, inside, start = fence[1].strip(), [], number + 1
        else:
            found.append(Block(page, start, language, "\n".join(inside) + "\n"))
            language = None
    assert language is None, f"{page}:{start} opens a block that nothing closes"
    return found


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead."""
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """Return what a link into a page may name, as GitHub makes it from the headings."""
    headings = (_HEADING.match(line) for line in prose(page).splitlines())
    return {_anchor(heading[1]) for heading in headings if heading}


def command_lines(block: Block) -> list[str]:
    """Return what is typed: continued lines joined, comments and empty lines left out."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return [
        line.strip()
        for line in joined.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


def pages_in_order() -> list[Path]:
    """Return the README and the pages of docs/ in the order of their index."""
    index = DOCS / "README.md"
    named = [link.partition("#")[0] for link in links(index)]
    there = [DOCS / name for name in named if name.endswith(".md") and "/" not in name]
    return [PROJECT / "README.md", index, *dict.fromkeys(there)]


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")
