"""``fieldsharp.open_study``: a study in a database, to look at and to go on with."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import optuna
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import ConfigError, FieldsharpError, StudyError
from fieldsharp.storage.database import opened_to_read
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.interface.address import address_in_short, storage_address
from fieldsharp.sweep.interface.display import block, line, pairs, table
from fieldsharp.sweep.results.export import choose_trial, export_tree, render, write
from fieldsharp.sweep.study.confirmation.records import next_step
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import load_study, study_data_summary, study_identity
from fieldsharp.sweep.study.status.report import StudyStatus, TrialStatus, study_status
from fieldsharp.sweep.study.trial_table import trial_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from fieldsharp.sweep.configuration.ranges import Scalar
    from fieldsharp.sweep.interface.report import StudyReport
    from fieldsharp.sweep.interface.run import Run
    from fieldsharp.sweep.pictures.source import PictureSource
    from fieldsharp.sweep.study.confirmation.records import Confirmation


@dataclass(frozen=True)
class StudyVerdict:
    """What a study came to, why, and what to do next."""

    name: str
    reason: str
    next: str
    trial: int | None

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}\nnext: {self.next}"

    def _repr_html_(self) -> str:
        return block(self.name, line(self.reason), line(f"next: {self.next}", faint=True))


@dataclass(frozen=True)
class BestTrial:
    """The best trial of a study; physical units, on the validation split.

    Attributes:
        params: The searched settings, as they were trained.
        preset: Its name, where it is no trial of the sampler's.
        feasible: Whether it breaks no guard.
        metrics: All of its metrics.
    """

    number: int
    score: float
    gradient: float
    peak: float
    rmse: float
    params: Mapping[str, "Scalar"]
    preset: str | None
    feasible: bool
    sharpener: str
    metrics: Mapping[str, float]

    @classmethod
    def of(cls, trial: TrialStatus) -> "BestTrial":
        """Return a trial of a status."""
        return cls(
            trial.trial,
            *(trial.score, trial.gradient, trial.peak, trial.rmse),
            trial.params,
            trial.preset,
            trial.feasible,
            trial.sharpening.name,
            trial.metrics,
        )

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"<trial {self.number}: score {self.score:.4g}, gradient {self.gradient:.4g}, " + (
            f"peak {self.peak:.4g}, rmse {self.rmse:.4g}; {params}>"
        )

    def _repr_html_(self) -> str:
        figures = {name: getattr(self, name) for name in ("score", "gradient", "peak", "rmse")}
        title = f"trial {self.number}" + (f" ({self.preset})" if self.preset else "")
        return block(title, pairs({**figures, "sharpener": self.sharpener, **self.params}))


class Study:
    """A study in a database. What it tells is read anew each time, also while it is being run.

    Attributes:
        name: Of the study.
        storage: Address of its database.
    """

    def __init__(self, name: str, storage: str) -> None:
        self.name = name
        self.storage = storage

    @property
    def trials(self) -> "pd.DataFrame":
        """A row for each trial, by number: state, score, figures, searched settings, guards."""
        import pandas as pd

        with self.opened() as study:
            rows = trial_table(study.get_trials(deepcopy=False))
        return pd.DataFrame(rows or {"number": []}).set_index("number")

    @property
    def best(self) -> BestTrial | None:
        """The best trial; None before one is complete."""
        best = self.status().best
        return None if best is None else BestTrial.of(best)

    @property
    def verdict(self) -> StudyVerdict:
        """What the study came to so far."""
        return _verdict(self.status())

    def status(self) -> StudyStatus:
        """Return all that ``status`` tells; ``as_json`` of it gives plain values."""
        with self.opened() as study:
            return study_status(study, self.storage)

    def maps(self, trial: int | None = None, lead: Literal["first", "last"] = "last") -> "Figure":
        """Return maps of observed and predicted fields at one lead.

        Args:
            trial: By default the best.
            lead: The last is where blur is worst.

        Raises:
            FieldsharpError: If the trial has no forecast to draw.
        """
        return self.picture(f"maps-{lead}-lead", trial)

    def picture(self, name: str, trial: int | None = None) -> "Figure":
        """Return a picture of a trial: maps, spectra, by-lead, epochs or frontier.

        Args:
            name: maps-first-lead, maps-last-lead, spectra, by-lead, epochs or frontier; of members
                that are judged together members-first-lead, members-last-lead, rank-histogram,
                reliability or spread.
            trial: By default the best.

        Raises:
            FieldsharpError: If there is no such picture, or nothing to draw it from.
        """
        from fieldsharp.core.suggestions import unknown
        from fieldsharp.sweep.pictures.image_export import drawing
        from fieldsharp.sweep.pictures.style import LIGHT
        from fieldsharp.sweep.pictures.trial_pictures import DRAWINGS, can_be_drawn
        from fieldsharp.sweep.study.files.artifacts import PICTURES

        if name not in DRAWINGS:
            raise ConfigError(unknown("picture", name, DRAWINGS))
        source = self._source(trial)
        if name == "maps-last-lead" and not can_be_drawn(name, source):
            name = "maps-first-lead"  # of a forecast with a single lead
        if not can_be_drawn(name, source):
            if PICTURES[name].of_members and source.forecast is not None:
                raise StudyError(
                    f"trial {source.number} has no members to draw {name} of: it is no ensemble "
                    "of a study with objective.mode: members; choose another trial or picture"
                )
            raise StudyError(
                f"trial {source.number} has no forecast to draw {name} from: it was not trained to "
                "its end; choose another trial"
            )
        with drawing():
            return DRAWINGS[name](source, LIGHT)

    def report(self, path: str | os.PathLike[str] | None = None) -> "StudyReport":
        """Write the report of the study, one HTML file; a notebook shows where it is.

        Args:
            path: By default ``STUDY-report.html`` in the working folder.
        """
        from fieldsharp.sweep.interface.report import write_report

        return write_report(self.name, self.storage, path)

    def export(
        self,
        path: str | os.PathLike[str] | None = None,
        trial: int | None = None,
        form: Literal["yaml", "json", "py"] | None = None,
    ) -> str:
        """Return a configuration that trains a trial again, and write it where a path is given.

        Args:
            path: A file.
            trial: By default what the verdict advises.
            form: By default the suffix of the path, else yaml.
        """
        suffix = "" if path is None else Path(path).suffix.removeprefix(".")
        forms: dict[str, Literal["yaml", "json", "py"]] = {
            "yml": "yaml",
            "yaml": "yaml",
            "json": "json",
            "py": "py",
        }
        with self.opened() as study:
            chosen = choose_trial(study, trial, self.storage)
            tree = export_tree(study, chosen, as_advised=trial is None)
        text = render(tree, form or forms.get(suffix, "yaml"))
        if path is not None:
            write(text, Path(path))
        return text

    def train(self, run_folder: str | os.PathLike[str], trial: int | None = None) -> "Run":
        """Train a trial again into a run folder, by default what the verdict advises."""
        from fieldsharp.sweep.configuration.safe_yaml import parse_yaml
        from fieldsharp.sweep.interface.run import train

        return train(parse_yaml(self.export(trial=trial), f"export of {self.name}"), run_folder)

    def resume(
        self,
        trials: int | None = None,
        *,
        workers: int | None = None,
        timeout: str | None = None,
        data: str | os.PathLike[str] | None = None,
        quiet: bool = False,
    ) -> "Study":
        """Go on with the study, after a stop or with more trials.

        Args:
            trials: In the study, all told.
            workers: Trials at a time.
            timeout: Start no trial after this long: 90s, 30m, 2h, none.
            data: The data file, where it was moved.
            quiet: Show no progress.
        """
        from fieldsharp.sweep.interface.execution import run_study
        from fieldsharp.sweep.study.resume import resumable

        moved = None if data is None else Path(data)
        config = resumable(self.name, self.storage, trials, workers, timeout, moved)
        run_study(config, self.storage, quiet=quiet, must_exist=True)
        return self

    def confirm(
        self, top: int = 3, seeds: int = 5, *, workers: int | None = None
    ) -> "Confirmation":
        """Compare the best trials with new seeds, and measure the winner on the test split."""
        from fieldsharp.sweep.engine.confirm import confirm_study
        from fieldsharp.sweep.interface.execution import kernel_settings_kept

        with kernel_settings_kept():
            return confirm_study(self.name, self.storage, top, seeds, workers)

    def stop(self) -> str:
        """Stop the study where another process or thread runs it; return what came of it."""
        from fieldsharp.sweep.study.stop import stop_study

        return stop_study(self.storage, self.name, at_once=False).sentence

    def __repr__(self) -> str:
        return (
            f"<study {self.name} in {address_in_short(self.storage)}: {self._described(_in_words)}>"
        )

    def _repr_html_(self) -> str:
        return self._described(self._as_html)

    def _described(self, describe: Callable[[StudyStatus], str]) -> str:
        try:
            return describe(self.status())
        except FieldsharpError as error:  # shown in place of what cannot be read
            return block(f"study {self.name}", line(error)) if describe != _in_words else str(error)

    def _as_html(self, status: StudyStatus) -> str:
        rows = [
            (name, trial.trial, trial.score, trial.gradient, trial.peak, trial.rmse)
            for name, trial in (("baseline", status.baseline), ("best", status.best))
            if trial is not None
        ]
        target = ("target", "", "", status.targets["gradient"], status.targets["peak"], "")
        headings = ("", "trial", "score", "gradient", "peak", "rmse")
        verdict = _verdict(status)
        return block(
            f"study {self.name}: {_counts(status)}",
            table(headings, [target, *rows]),
            line(f"verdict: {verdict.name}: {verdict.reason}"),
            line(f"next: {verdict.next}", faint=True),
        )

    @contextmanager
    def opened(self) -> Iterator[optuna.Study]:
        """Have the study of Optuna, for reading, as long as the block takes."""
        with opened_to_read(self.storage) as storage, database_errors(self.storage):
            yield load_study(storage, self.name)

    def _source(self, number: int | None) -> "PictureSource":
        from fieldsharp.sweep.pictures.study_source import picture_source

        with self.opened() as study:
            trials = study.get_trials(deepcopy=False)
            trial = _chosen(study, trials, number, self.storage)
            files = StudyWorkspace(self.storage, study_identity(study))
            source = picture_source(trial, trials, study_data_summary(study), files)
        if source is None:
            raise StudyError(
                f"trial {trial.number} has nothing to draw: its files beside the database are "
                "missing, or it has not ended; choose another trial"
            )
        return source


def open_study(name: str, storage: str | os.PathLike[str] | None = None) -> Study:
    """Open a study by its name.

    Args:
        name: As ``status`` shows it.
        storage: Address or file of the database; by default ``$SWEEP_STORAGE``, else
            ``sqlite:///sweeps.db``.

    Raises:
        FieldsharpError: If there is no such study.
    """
    study = Study(name, storage_address(storage))
    with study.opened():
        return study


def _chosen(
    study: optuna.Study, trials: list[FrozenTrial], number: int | None, url: str
) -> FrozenTrial:
    if number is None:
        best = study_status(study, url).best
        if best is None:
            raise StudyError(f"study {study.study_name!r} has no complete trial yet; wait for one")
        number = best.trial
    if not 0 <= number < len(trials):
        raise StudyError(
            f"study {study.study_name!r} has no trial {number}: it has {len(trials)} trials, "
            "numbered from 0"
        )
    return trials[number]


def _verdict(status: StudyStatus) -> StudyVerdict:
    verdict = status.verdict
    advice = next_step(verdict, status.confirmation)
    return StudyVerdict(verdict.name, verdict.reason, advice, verdict.trial)


def _counts(status: StudyStatus) -> str:
    counts = ", ".join(f"{n} {state.lower()}" for state, n in status.states.items() if n)
    return f"{counts or 'no trials'} of {status.budget}"


def _in_words(status: StudyStatus) -> str:
    best = "" if status.best is None else f"; best {BestTrial.of(status.best)!r}"
    return f"{_counts(status)}; {status.verdict.name}{best}"
