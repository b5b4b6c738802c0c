"""Data larger than memory: first pass, memory of the workers, and an epoch beside data in memory.

    python -m benchmarks.larger_than_memory --part workers --gigabytes 12 --variables 20
    python -m benchmarks.larger_than_memory --part epoch --gigabytes 2 --variables 4
    python -m benchmarks.larger_than_memory --part machine --gigabytes 1 --variables 2

Needs twice the space of the data on the disk of ``--folder``; all is removed at the end.
"""

import argparse
import mmap
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from benchmarks.paired_runs import PROC
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial

HEIGHT, WIDTH, FRAMES_A_CHUNK = 121, 240, 24
GB, MB = 1e9, 2**20
WINDOWS_COMPARED = 64
PAIRS = 5
EPOCH_WINDOWS = 192
SAMPLED_EVERY_S = 0.2


def make_zarr(path: Path, gigabytes: float, variables: int) -> list[str]:
    """Write hourly fields that are noise on a slow wave, and return the names of the variables."""
    names = [f"v{number:02}" for number in range(variables)]
    frames = int(gigabytes * GB / (4 * variables * HEIGHT * WIDTH))
    rng = np.random.default_rng(0)
    grid = {"latitude": np.linspace(60, -60, HEIGHT), "longitude": np.arange(WIDTH) * 1.5}
    wave_HW = 30 * np.cos(np.radians(grid["latitude"]))[:, None].astype(np.float32)
    for first in range(0, frames, FRAMES_A_CHUNK * 4):
        count = min(FRAMES_A_CHUNK * 4, frames - first)
        hours = np.arange(first, first + count)
        time_T = np.datetime64("2000-01-01", "ns") + hours * np.timedelta64(1, "h")
        slow_T = np.sin(hours / 50.0).astype(np.float32)[:, None, None]
        fields = {
            name: (
                ("time", *grid),
                rng.standard_normal((count, HEIGHT, WIDTH), dtype=np.float32)
                + slow_T * wave_HW
                + np.float32(250),
            )
            for name in names
        }
        data = xr.Dataset(fields, {"time": time_T, **grid})
        chunks = {"chunks": (FRAMES_A_CHUNK, HEIGHT, WIDTH)}
        since = {"units": "hours since 2000-01-01"}
        if first == 0:
            encoding = {"time": since, **dict.fromkeys(names, chunks)}
            data.to_zarr(path, zarr_format=2, consolidated=True, encoding=encoding)
        else:
            data.to_zarr(path, append_dim="time", consolidated=True)
    os.sync()  # else the first pass waits for the disk to write these
    return names


def settings_of(path: Path, names: list[str]) -> DataSettings:
    """Return settings of data of which the first variable is predicted."""
    return DataSettings.model_validate(
        {
            "path": str(path),
            "inputs": names,
            "predict": names[:1],
            "history": 2,
            "horizon": 1,
            "score_every": 24,
        }
    )


def store_in(folder: Path, **more: Any) -> SeriesStore:
    """Return a store of the data of this benchmark."""
    return SeriesStore(folder, lambda: "benchmark", **{"above_mb": 1, **more})


def first_pass(settings: DataSettings, folder: Path) -> None:
    """Print how fast the data are written to the store."""
    store, started = store_in(folder), time.perf_counter()
    load_forecast_data(settings, store=store)
    seconds = time.perf_counter() - started
    written = sum(file.stat().st_size for file in folder.rglob("values.f32"))
    started = time.perf_counter()
    load_forecast_data(settings, store=store_in(folder))
    again = time.perf_counter() - started
    print(
        f"first pass: {written / MB:.0f} MB in {seconds:.1f} s with statistics, "
        f"{written / MB / (seconds - again):.0f} MB/s without; opened again in {again:.1f} s"
    )


def workers(settings: DataSettings, folder: Path) -> None:
    """Print the anonymous memory of two workers of a sweep, and compare batches with memory."""
    config = folder / "sweep.yaml"
    data = "".join(
        f"  {name}: {value}\n"
        for name, value in {
            "path": settings.path,
            "inputs": list(settings.inputs),
            "predict": list(settings.predict),
            "history": 2,
            "horizon": 1,
            "score_every": 24,
        }.items()
    )
    config.write_text(
        f"study: large\ndata:\n{data}"
        "predictor: {name: unet, width: 4}\n"
        f"training: {{epochs: 1, batch_size: 4, epoch_windows: {EPOCH_WINDOWS}, device: cpu}}\n"
        "search:\n  space:\n"
        "    gradient_weight: {low: 0.01, high: 10.0, log: true}\n"
        "    loss_variant: {choices: [gradient, sobel]}\n"
        "budget: {trials: 4}\nworkers: {count: 2}\n",
        encoding="utf-8",
    )
    storage = ["--storage", f"sqlite:///{folder / 'sweeps.db'}"]
    command = [sys.executable, str(PROJECT / "run_sweep.py"), "start", str(config), *storage]
    started = time.perf_counter()
    most: dict[int, int] = {}
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            for pid in _descendants(process.pid):
                most[pid] = max(most.get(pid, 0), _status_kb(pid, "RssAnon"))
            time.sleep(SAMPLED_EVERY_S)
    largest = sorted((kb / 1024 for kb in most.values()), reverse=True)[:3]
    figures = ", ".join(f"{mb:.0f} MB" for mb in largest)
    print(f"sweep of 2 workers: exit {process.returncode} in {time.perf_counter() - started:.0f} s")
    print(f"most anonymous memory of the largest processes (coordinator and workers): {figures}")
    status = [sys.executable, str(PROJECT / "run_sweep.py"), "status", "large", *storage]
    subprocess.run(status, check=False)
    compare_batches(settings, folder / "sweeps.db.files" / "series")


def compare_batches(settings: DataSettings, folder: Path) -> None:
    """Compare windows of every variable with those of the variable held in memory."""
    sha256 = DataFiles.of(settings.path).sha256()
    store = SeriesStore(folder, lambda: sha256, above_mb=1, makes=False)
    stored = load_forecast_data(settings, store=store)
    assert stored.train.from_file, "the sweep has stored it"
    draw = torch.Generator().manual_seed(0)
    which = torch.randperm(len(stored.train), generator=draw)[:WINDOWS_COMPARED]
    history_BTCHW, future_BTCHW = stored.train.take(which)
    same = 0
    for channel, name in enumerate(settings.inputs):
        alone = load_forecast_data(settings.of(name))
        assert not alone.train.from_file, "it is held in memory"
        history, future = alone.train.take(which)
        equal = torch.equal(history_BTCHW[:, :, channel : channel + 1], history)
        if channel == 0:
            equal &= torch.equal(future_BTCHW, future)
        same += equal
    print(f"{same} of {len(settings.inputs)} variables bit-equal in {WINDOWS_COMPARED} windows")


def epoch(settings: DataSettings, folder: Path) -> None:
    """Print the seconds of an epoch: in memory, stored, and stored with the page cache dropped."""
    run = RunSettings.model_validate(
        {
            "data": settings,
            "predictor": {"name": "unet", "width": 8},
            "training": {
                "epochs": 1 + 3 * PAIRS,
                "batch_size": 4,
                "epoch_windows": EPOCH_WINDOWS,
                "device": "cpu",
                "precision": "float32",
            },
        }
    )
    in_memory = load_forecast_data(settings)
    stored = load_forecast_data(settings, store=store_in(folder))
    epochs = {"in memory": _epochs(run, in_memory), "stored": _epochs(run, stored)}
    for one in epochs.values():
        next(one)  # sets up torch
    taken: dict[str, list[float]] = {"in memory": [], "stored": [], "dropped": []}
    for _ in range(PAIRS):
        taken["in memory"].append(next(epochs["in memory"]))
        taken["stored"].append(next(epochs["stored"]))
        left = drop_page_cache(stored, folder)
        taken["dropped"].append(next(epochs["stored"]))
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, seconds in taken.items():
        ratio = medians[name] / medians["in memory"]
        each = " ".join(f"{one:.1f}" for one in seconds)
        print(
            f"epoch of {EPOCH_WINDOWS} windows, {name}: {medians[name]:.2f} s, {ratio:.2f} ({each})"
        )
    print(f"share of the file in the page cache after it was dropped: {left:.0%}")


def _epochs(run: RunSettings, data: ForecastData) -> Iterator[float]:
    """Yield the seconds of each epoch of a training, without its evaluation."""
    trial = Trial(run, data, find_hardware(run.training), Evaluator(data, data.validation))
    started = time.perf_counter()
    for _ in trial.trainer.epochs():
        yield time.perf_counter() - started
        started = time.perf_counter()


def drop_page_cache(data: ForecastData, folder: Path) -> float:
    """Drop the pages of all stored values; return the share that stays in memory."""
    pages = resident = 0
    _unmap_pages(data.train.frames)
    if data.train.further is not None:
        _unmap_pages(data.train.further.others)
    for file in folder.rglob("values.f32"):
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        done = subprocess.run(
            ["fincore", "--bytes", "--noheadings", "--output", "RES,SIZE", str(file)],
            capture_output=True,
            text=True,
            check=True,
        )
        res, size = map(int, done.stdout.split())
        resident, pages = resident + res, pages + size
    return resident / pages


def _unmap_pages(frames: object) -> None:
    """Give back the pages that this process has mapped: a page that is mapped is not dropped."""
    for part in getattr(frames, "parts", [frames]):
        array: Any = part.values_NCHW
        while not isinstance(array, mmap.mmap):
            array = array.base
        array.madvise(mmap.MADV_DONTNEED)


def machine(settings: DataSettings, folder: Path) -> None:
    """Print by how much memory grows when two processes hold the data, or share them."""
    first_pass(settings, folder)
    context = multiprocessing.get_context("spawn")
    for what, at in (("in memory of each", None), ("stored", folder)):
        before = _available_mb()
        barrier = context.Barrier(3)
        arguments = (settings, at, barrier)
        processes = [context.Process(target=_hold, args=arguments) for _ in range(2)]
        for process in processes:
            process.start()
        barrier.wait(600)  # torch is loaded
        empty = sum(_pss_mb(process.pid or 0) for process in processes)
        barrier.wait(600)
        barrier.wait(600)  # every frame was read
        full = sum(_pss_mb(process.pid or 0) for process in processes)
        anonymous = [_status_kb(process.pid or 0, "RssAnon") / 1024 for process in processes]
        taken = before - _available_mb()
        barrier.wait(600)
        for process in processes:
            process.join()
        each = ", ".join(f"{mb:.0f}" for mb in anonymous)
        print(
            f"2 processes, {what}: proportional memory grows by {full - empty:.0f} MB, available "
            f"memory falls by {taken:.0f} MB in all, anonymous memory {each} MB"
        )


def _hold(settings: DataSettings, folder: Path | None, barrier: Any) -> None:
    barrier.wait(600)
    barrier.wait(600)
    data = load_forecast_data(settings, store=None if folder is None else store_in(folder))
    for _ in data.train.in_order(8):
        pass
    barrier.wait(600)
    barrier.wait(600)


def _descendants(pid: int) -> list[int]:
    found = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        found += children + [one for child in children for one in _descendants(child)]
    return found


def _status_kb(pid: int, key: str) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


def _pss_mb(pid: int) -> float:
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _available_mb() -> float:
    lines = (PROC / "meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


PARTS: dict[str, tuple[Callable[[DataSettings, Path], None], ...]] = {
    "pass": (first_pass,),
    "workers": (workers,),
    "epoch": (first_pass, epoch),
    "machine": (machine,),
}


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--gigabytes", type=float, required=True)
    parser.add_argument("--variables", type=int, required=True)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))  # noqa: S108
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        started = time.perf_counter()
        names = make_zarr(folder / "data.zarr", given.gigabytes, given.variables)
        print(f"data made in {time.perf_counter() - started:.0f} s")
        for part in PARTS[given.part]:
            part(settings_of(folder / "data.zarr", names), _made(folder / "store"))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
