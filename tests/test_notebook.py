"""The notebook of the examples can be executed, and what is stored is of all of its cells."""

import shutil
from pathlib import Path

import nbformat
import pytest

from examples.notebook.execute import NOTEBOOK, execute
from fieldsharp.core.checkout import PROJECT

LARGEST = 500_000


def _pictures(notebook: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]


def test_what_is_stored_was_executed_and_tells_no_path_of_a_machine() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.outputs for cell in code)
    assert len(_pictures(notebook)) >= 4
    assert NOTEBOOK.stat().st_size < LARGEST
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert str(PROJECT) not in text
    assert "/tmp/" not in text  # noqa: S108 - a path of the machine that executed it


@pytest.mark.outside
def test_every_cell_of_a_clean_copy_can_be_executed(tmp_path: Path) -> None:
    copy = Path(shutil.copy(NOTEBOOK, tmp_path))
    before = sorted(NOTEBOOK.parent.iterdir())
    done = execute(copy, tmp_path)
    assert len(_pictures(done)) >= 4
    assert sorted(NOTEBOOK.parent.iterdir()) == before
