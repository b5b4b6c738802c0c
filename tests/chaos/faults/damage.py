"""Files beside the database that are damaged while the sweep is down."""

from pathlib import Path
from random import Random

from tests.chaos.faults.kills import killed
from tests.chaos.live_sweep import LiveSweep, NotInjected


def truncate_checkpoint(sweep: LiveSweep, rng: Random) -> list[str]:
    """Cut the newest checkpoint of an unfinished trial off, the sweep being down."""
    losses = killed(sweep)
    path = _newest(sweep, rng)
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])
    sweep.retrained += 1
    return losses


def flip_byte_of_checkpoint(sweep: LiveSweep, rng: Random) -> list[str]:
    """Flip one byte of the newest checkpoint of an unfinished trial, the sweep being down."""
    losses = killed(sweep)
    path = _newest(sweep, rng)
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    sweep.retrained += 1
    return losses


def leave_partial_files(sweep: LiveSweep, rng: Random) -> list[str]:
    """Leave partial files, as a writer killed in the middle does, in every folder."""
    losses = killed(sweep)
    for folder in [
        *sweep.workspace.files.glob("*/spool"),
        *sweep.workspace.files.glob("*/trials/*/attempt-*"),
    ]:
        pid = rng.randrange(2, 30000)
        name = "000000.json" if folder.name == "spool" else "epoch-000001"
        (folder / f".{name}.{pid}.partial").write_bytes(rng.randbytes(1000))
    return losses


def _newest(sweep: LiveSweep, rng: Random) -> Path:
    """Return the newest checkpoint of a random unfinished trial."""
    found = []
    for trial in sorted(sweep.workspace.files.glob("*/trials/*")):
        paths = sorted(trial.glob("attempt-*/epoch-*"), key=lambda p: (p.name, p.parent.name))
        if paths and not paths[-1].name.endswith(f"{sweep.workspace.epochs:06d}"):
            found.append(paths[-1])
    if not found:
        raise NotInjected("there was no checkpoint of an unfinished trial")
    return rng.choice(found)
