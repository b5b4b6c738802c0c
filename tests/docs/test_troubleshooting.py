"""Every message on the page of troubles is one the program says: each is produced here."""

import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import xarray as xr

from fieldsharp.storage.errors.messages import storage_error
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.storage.study_lock import StudyLock
from tests.docs.pages import DOCS, prose
from tests.docs.typed import Typed, run

pytestmark = [pytest.mark.outside, pytest.mark.xdist_group("docs")]
OLD = Path(__file__).resolve().parents[1] / "storage" / "old_databases"
_HEADING = re.compile(r"^### `(.+)`$", re.MULTILINE)
EXPLODING = "def term(p, t, m):\n    return (1e19 * (p - t)).square().mean(dim=(1, 2, 3, 4))\n"
ONE_NUMBER = "def term(p, t, m):\n    return (p - t).abs().mean()\n"
"""A loss that overflows as soon as the forecast strays, and one that forgets the batch."""


def _start(*settings: str) -> str:
    arguments = ["start", "configs/quickstart.yaml", "--quiet", "--storage", "sqlite:///other.db"]
    return _said([*arguments, *_set(*settings)])


def _set(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def _said(arguments: list[str]) -> str:
    code, _, complaint = run(arguments)
    assert code in (1, 2), f"{arguments} ended with {code}"
    return complaint


def _with_data(change: Callable[[xr.Dataset], xr.Dataset]) -> str:
    with xr.open_dataset("field.nc", engine="h5netcdf") as dataset:
        changed = change(dataset.drop_encoding().isel(time=slice(0, 300)).load())
    changed.to_netcdf("changed.nc", engine="h5netcdf")
    return _start("data.path=changed.nc", "data.variable=null")


def _diverged() -> str:
    Path("forecasts").mkdir(exist_ok=True)
    Path("forecasts/exploding.py").write_text(EXPLODING)
    settings = ["plugins=[forecasts]", "loss.variant=forecasts.exploding:term"]
    settings += ["loss.gradient_weight=1", "training.learning_rate=10", "loss.normalise=none"]
    return _said(["train", "configs/quickstart.yaml", "-o", "gone", *_set(*settings)])


def _one_number() -> str:
    Path("forecasts").mkdir(exist_ok=True)
    Path("forecasts/forgetful.py").write_text(ONE_NUMBER)
    choices = "search.space.loss_variant.choices=[forecasts.forgetful:term]"
    return _start("plugins=[forecasts]", choices)


def _truncated() -> str:
    Path("bad.db").write_bytes(Path("sweeps.db").read_bytes()[:5000])
    return _said(["status", "--storage", "sqlite:///bad.db"])


def _old() -> str:
    script = sorted(OLD.glob("*.sql"))[0].read_text(encoding="utf-8")
    with closing(sqlite3.connect("old.db")) as database:
        database.executescript(script)
    return _said(["status", "--storage", "sqlite:///old.db"])


def _run_elsewhere() -> str:
    with StudyLock("sqlite:///sweeps.db", "quickstart", "resume"):
        return _said(["resume", "quickstart"])


def _of_other_programs() -> str:
    """Return what status says of trials that another program queued and added."""
    copy_database("sqlite:///sweeps.db", Path("others.db"))
    url = "sqlite:///others.db"
    study = optuna.load_study(study_name="quickstart", storage=url)
    study.enqueue_trial({"loss_variant": "bogus"})
    study.add_trial(optuna.trial.create_trial(value=1.0))
    trials = str(len(study.trials))
    code, _, _ = run(["resume", "quickstart", "--storage", url, "--trials", trials])
    assert code == 0
    code, shown, _ = run(["status", "quickstart", "--storage", url])
    assert code == 0
    return shown


def _port_taken() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        return _said(["dashboard", "--no-open", "--port", str(port)])


def _no_time_in_common() -> str:
    with xr.open_dataset("field.nc", engine="h5netcdf") as dataset:
        dataset.isel(time=slice(0, 5)).load().to_netcdf("early.nc", engine="h5netcdf")
        dataset.isel(time=slice(5, 9)).load().to_netcdf("late.nc", engine="h5netcdf")
    return _said(["evaluate", "early.nc", "late.nc"])


def _cut_short() -> str:
    Path("cut.nc").write_bytes(Path("field.nc").read_bytes()[:4000])
    return _start("data.path=cut.nc")


def _two_that_differ() -> str:
    with xr.open_dataset("field.nc", engine="h5netcdf") as dataset:
        early, late = (dataset.isel(time=slice(k, k + 100)).load() for k in (0, 90))
    Path("differing").mkdir(exist_ok=True)
    early.to_netcdf("differing/a.nc", engine="h5netcdf")
    (late * 1.1).to_netcdf("differing/b.nc", engine="h5netcdf")
    return _start("data.path=differing/*.nc", "data.variable=t2m")


def _leads_without_units(data: xr.Dataset) -> xr.Dataset:
    start = data["time"].values[0]
    leads = data.isel(time=slice(0, 8)).rename(time="step").assign_coords(step=range(8))
    return leads.assign_coords(forecast_reference_time=start)


def _produced() -> Iterator[str]:
    yield _start("data.path=nowhere.nc")
    yield _start("data.path=nowhere/*.nc")
    yield _two_that_differ()
    yield _with_data(lambda d: d.assign(other=d["t2m"]))
    yield _cut_short()
    yield _with_data(lambda d: d.expand_dims(level=[850.0, 500.0]))
    yield _with_data(_leads_without_units)
    yield _with_data(lambda d: d.isel(time=slice(0, 12)))
    yield _with_data(lambda d: d.isel(time=[1, 0, *range(2, 300)]))
    yield _with_data(lambda d: d.where(d["time"] != d["time"][5], float("inf")))
    yield _with_data(lambda d: d.where(d["time"] != d["time"][5], -9999.0))
    yield _with_data(lambda d: d.assign(t2m=d["t2m"].assign_attrs(valid_range=[0.0, 1e-9])))
    yield _with_data(lambda d: d.where(d["time"].dt.hour % 3 > 0))
    yield _with_data(lambda d: d * 0 + 1)
    yield _no_time_in_common()
    yield _start("training.learning_rat=1")
    yield _start("predictor.name=forecasts.nets:Mine")
    yield _start("predictor.name=elsewhere.nets:Mine", "plugins=[elsewhere]")
    yield _one_number()
    yield _start("objective.targets.peak=140")
    yield _start("objective.guards.std_ratio=0.9")
    yield _said(["start", "configs/quickstart.yaml", "--set", "training.epochs=3"])
    yield _said(["status", "quickstar"])
    yield _run_elsewhere()
    yield _said(["status", "--storage", "sqlite:///none.db"])
    # Really locked it would be waited for, a minute long.
    yield str(storage_error("sqlite:///sweeps.db", "database is locked"))
    yield _truncated()
    yield _old()
    yield _said(["status", "--storage", "postgresql+psycopg2://ann:secret@db.example/sweeps"])
    yield _diverged()
    of_others = _of_other_programs()
    yield of_others
    yield of_others
    yield _port_taken()
    yield _said(["dashboard", "--no-open", "--host", "0.0.0.0"])  # noqa: S104 - it is refused


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket")  # left open by cheroot
def test_messages_on_the_page_are_those_of_the_program(typed: Typed) -> None:
    quoted = _HEADING.findall(prose(DOCS / "troubleshooting.md"))
    for message, said in zip(quoted, _produced(), strict=True):
        parts = [re.escape(part) for part in message.split("...")]
        assert re.search(".+".join(parts), said), f"{message!r} is not what is said: {said}"
