"""Executes the notebook anew and keeps what its cells show: python -m examples.notebook.execute.

It runs in a folder of its own, so that nothing is left beside the notebook.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE / "forecast_sharpness.ipynb"
DATA = HERE.parents[1] / "data" / "uk_wfde5_hourly_2018_jun_jul.nc"
CELL_TIMEOUT_S = 900


def execute(notebook: Path, folder: Path) -> nbformat.NotebookNode:
    """Return the notebook with the output of every cell; raises at the first that fails."""
    shutil.copy(DATA, folder)
    content = nbformat.read(notebook, as_version=4)
    root = str(HERE.parents[1])  # the kernel starts in the folder, where the package is not
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    client = NotebookClient(
        content,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    return client.execute()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        done = execute(NOTEBOOK, Path(folder))
    done.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(done, NOTEBOOK)
    sys.stdout.write(f"{NOTEBOOK.name}: {NOTEBOOK.stat().st_size / 1000:.0f} kB\n")
