"""Writes a study to Weights & Biases: a run for each trial, and one for the study, in a group.

W&B cannot be asked what it holds while it is offline. So the ends that were written are kept in a
file beside the database; a run that was cut off is written anew when offline, and gone on with
under its id, after its last step, when online.
"""

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb
from PIL import Image

from fieldsharp.storage.durable_files.atomic import read_checked, write_checked
from fieldsharp.sweep.configuration.tracking import WandbSettings
from fieldsharp.sweep.tracking.tracker import FAILED, FINAL, Epoch, Held, StudyView, TrialView

ENDS = "wandb ends 1"
INIT_TIMEOUT_S = 20.0
LONGEST_NAME = 128


class WandbTracker:
    """Implements ``Tracker``.

    Args:
        settings: Project and folder.
        study: What is mirrored.
        notes: Folder beside the database for the file of ends.
    """

    def __init__(self, settings: WandbSettings, study: StudyView, notes: Path) -> None:
        self._settings = settings
        self._study = study
        self._ends_file = notes / f"wandb-{settings.entity or ''}-{settings.project}.ends"
        self._ends: dict[str, list[str]] = {}
        self._runs: dict[str, Any] = {}
        self._verdict = ""

    def held(self, study: StudyView) -> dict[int, Held]:  # noqa: ARG002
        """Return the trials whose end was written."""
        with suppress(OSError, ValueError):
            content = read_checked(self._ends_file, ENDS)
            self._ends = json.loads(content) if content is not None else {}
        return {int(number): Held(key, mark) for number, (key, mark) in self._ends.items()}

    def begin(self, trial: TrialView) -> None:
        """Begin the run of a trial."""
        self._runs[trial.name] = self._init(
            f"{trial.number}-{trial.key}", trial.name, dict(trial.parameters), "trial"
        )

    def add(self, trial: TrialView, epochs: Sequence[Epoch]) -> None:
        """Log metrics, with the epochs done as their step; those that W&B has are left out."""
        run = self._runs[trial.name]
        for epoch in epochs:
            final = {n: v for n, v in epoch.metrics.items() if n.startswith(FINAL)}
            run.summary.update(final)
            if len(final) < len(epoch.metrics) and epoch.step >= run.starting_step:
                run.log(dict(epoch.metrics), step=epoch.step)

    def change(self, trial: TrialView) -> None:
        """Show the notes beside the parameters."""
        self._runs[trial.name].config.update(dict(trial.notes), allow_val_change=True)

    def end(self, trial: TrialView) -> None:
        """Finish the run, and then keep its end."""
        self.change(trial)
        self._runs.pop(trial.name).finish(exit_code=1 if trial.state == FAILED else 0)
        ends = {**self._ends, str(trial.number): [trial.key, trial.mark]}
        write_checked(self._ends_file, ENDS, json.dumps(ends).encode())
        self._ends = ends

    def set_aside(self, trial: TrialView) -> None:
        """Leave the run as it is: that of another training has another id."""
        run = self._runs.pop(trial.name, None)
        if run is not None:
            run.finish(exit_code=1)

    def pictured(self, study: StudyView) -> Mapping[str, int]:  # noqa: ARG002
        """Return that there are none: the run of the study is written anew."""
        return {}

    def show_study(self, study: StudyView) -> None:
        """Show the facts in the run of the study."""
        run = self._study_run()
        run.config.update(dict(study.notes), allow_val_change=True)
        run.summary["verdict"] = study.verdict or "none yet"
        run.summary["trials"] = study.done

    def show_pictures(
        self,
        study: StudyView,  # noqa: ARG002
        pictures: Mapping[str, bytes],
    ) -> None:
        """Log pictures in the run of the study."""
        images = {}
        for name, png in pictures.items():
            with Image.open(io.BytesIO(png)) as image:
                images[name] = wandb.Image(image.convert("RGB"))
        if images:
            self._study_run().log(images)

    def close(self) -> None:
        """Finish all runs, which waits until they are written or sent."""
        for name in list(self._runs):
            self._runs.pop(name).finish()

    def _study_run(self) -> Any:
        if "" not in self._runs:
            config = json.loads(self._study.config)
            self._runs[""] = self._init("study", self._study.name, {"settings": config}, "study")
        return self._runs[""]

    def _init(self, what: str, name: str, config: dict[str, Any], kind: str) -> Any:
        settings = self._settings
        run_id = f"{self._study.identity}-{what}"
        for cut_off in (Path(settings.folder) / "wandb").glob(f"offline-run-*-{run_id}"):
            shutil.rmtree(cut_off)
        return wandb.init(
            id=run_id,
            name=name[:LONGEST_NAME],
            project=settings.project,
            entity=settings.entity,
            dir=settings.folder,
            group=self._study.name[:LONGEST_NAME],
            job_type=kind,
            config=config,
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                save_code=False,
                init_timeout=INIT_TIMEOUT_S,
                x_disable_stats=True,
                x_disable_meta=True,
            ),
        )
