"""Writes a study as event files for TensorBoard: a folder for each trial, and one for the study."""

import errno
import io
import itertools
import json
import os
import re
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.metadata import (
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
    create_summary_metadata,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from fieldsharp.storage.durable_files.atomic import write_to_send_on
from fieldsharp.storage.durable_files.regular_files import read_bounded
from fieldsharp.sweep.configuration.tracking import TensorBoardSettings
from fieldsharp.sweep.tracking.tracker import COMPLETE, Epoch, Held, StudyView, TrialView

NOTE = "fieldsharp.json"
"""In each folder: what it is of, written before its first event and after its last."""
MOST_NOTE_BYTES = 100_000
STUDY = "study"
"""Folder of the study's own events, beside those of the trials."""
TRIAL, VERDICT, PICTURES, CONFIGURATION = "trial", "verdict", "pictures", "configuration"
"""Tags of texts."""
_PICTURED = re.compile(r"^\| ([\w-]+) \| trial (\d+) \|$", re.MULTILINE)
_RGBA = 4
_WRITERS = itertools.count()
"""A writer after a failed one takes another file: in that one the last event may be cut off."""


class TensorBoardTracker:
    """Implements ``Tracker``.

    Event files are only appended to, by one write each time. What a write holds is there as a whole
    after a kill, or not at all, and is read back before it would be written again.
    """

    def __init__(self, settings: TensorBoardSettings, study: StudyView) -> None:
        self._folder = _study_folder(Path(settings.folder), study)
        writer = f"{socket.gethostname()}.{os.getpid()}.{next(_WRITERS)}"
        self._file = f"events.out.tfevents.{int(time.time()):010d}.{writer}"
        self._verdict: str | None = None

    def held(self, study: StudyView) -> dict[int, Held]:
        """Return the trials with a folder; of those without an end what is in their event files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _write_note(self._folder, {"study": study.identity})
        found = {}
        for folder in sorted(self._folder.glob("trial-*")):
            note = _read_note(folder)
            if "trial" not in note:
                continue
            held = Held(str(note.get("key")), str(note.get("mark", "")))
            if not held.mark:
                held.points = dict(_points(folder))
            found[int(note["trial"])] = held
        return found

    def begin(self, trial: TrialView) -> None:
        """Make the folder of a trial, with its parameters for the page of hyperparameters."""
        folder = self._folder / trial.name
        folder.mkdir(exist_ok=True)
        if trial.parameters:
            self._append(folder, [_event(_session_start(trial), 0, trial.started_ms)])
        _write_note(folder, {"trial": trial.number, "key": trial.key})

    def add(self, trial: TrialView, epochs: Sequence[Epoch]) -> None:
        """Append scalars."""
        events = [_event(_scalars(e.metrics), e.step, e.at_ms) for e in epochs]
        self._append(self._folder / trial.name, events)

    def change(self, trial: TrialView) -> None:
        """Do nothing: a run of TensorBoard has no state."""

    def end(self, trial: TrialView) -> None:
        """Append the notes and the end of the session."""
        folder, at = self._folder / trial.name, trial.ended_ms or trial.started_ms
        step = trial.epochs[-1].step if trial.epochs else 0
        is_complete = trial.state == COMPLETE
        status = api_pb2.STATUS_SUCCESS if is_complete else api_pb2.STATUS_FAILURE
        notes = _table(trial.notes)
        if notes not in _texts(folder, TRIAL):  # of a process that was killed after this
            events = [_event(text_pb(TRIAL, notes), step, at)]
            if trial.parameters:
                end = SessionEndInfo(status=status, end_time_secs=at / 1000)
                data = HParamsPluginData(session_end_info=end)
                events.append(_event(_hyperparameters(SESSION_END_INFO_TAG, data), step, at))
            self._append(folder, events)
        _write_note(folder, {"trial": trial.number, "key": trial.key, "mark": trial.mark})

    def set_aside(self, trial: TrialView) -> None:
        """Rename the folder, which TensorBoard goes on showing."""
        folder = self._folder / trial.name
        places = (folder.with_name(f"replaced-{i:03d}-{trial.name}") for i in range(1, 10_000))
        folder.rename(next(place for place in places if not place.exists()))

    def pictured(self, study: StudyView) -> Mapping[str, int]:  # noqa: ARG002
        """Return what the text beside the last pictures says."""
        found = _PICTURED.findall(_last(_texts(self._folder / STUDY, PICTURES)))
        return {name: int(number) for name, number in found}

    def show_study(self, study: StudyView) -> None:
        """Append a new verdict as text, at first with the configuration."""
        folder = self._folder / STUDY
        folder.mkdir(exist_ok=True)
        if self._verdict is None:
            configuration = f"```json\n{study.config}\n```"
            if configuration not in _texts(folder, CONFIGURATION):
                event = _event(text_pb(CONFIGURATION, configuration), 0, _now_ms())
                self._append(folder, [event])
            self._verdict = _last(_texts(folder, VERDICT)).partition("\n\n")[0]
        if study.verdict and study.verdict != self._verdict:
            text = f"{study.verdict}\n\n{_table(study.notes)}"
            self._append(folder, [_event(text_pb(VERDICT, text), study.done, _now_ms())])
            self._verdict = study.verdict

    def show_pictures(self, study: StudyView, pictures: Mapping[str, bytes]) -> None:
        """Append pictures, and a text that says of which trials they are."""
        folder = self._folder / STUDY
        folder.mkdir(exist_ok=True)
        values = [Summary.Value(tag=name, image=_image(png)) for name, png in pictures.items()]
        of = _table({name: f"trial {number}" for name, number in study.shown.items()})
        shown = [Summary(value=values), text_pb(PICTURES, of)]
        self._append(folder, [_event(summary, study.done, _now_ms()) for summary in shown])

    def close(self) -> None:
        """Do nothing: no file is left open."""

    def _append(self, folder: Path, events: Sequence[Event]) -> None:
        """Append events to the file of this process, by one write that a kill cannot cut."""
        path = folder / self._file
        buffer = io.BytesIO()
        writer = RecordWriter(buffer)
        if not path.exists():
            version = Event(wall_time=time.time(), file_version="brain.Event:2")
            writer.write(version.SerializeToString())
        for event in events:
            writer.write(event.SerializeToString())
        with path.open("ab", buffering=0) as file:
            written = file.write(buffer.getvalue())
            os.fsync(file.fileno())
        if written != len(buffer.getvalue()):
            raise OSError(errno.ENOSPC, "the disk is full", str(path))


def _study_folder(root: Path, study: StudyView) -> Path:
    """Return the folder of a study; another one where a study of its name has it."""
    name = re.sub(r"[^\w.-]+", "_", study.name).lstrip(".") or "study"
    folder = root / name[:150]
    if _read_note(folder).get("study", study.identity) == study.identity:
        return folder
    return folder.with_name(f"{folder.name}-{study.identity[:8]}")


def _read_note(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_bounded(folder / NOTE, MOST_NOTE_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_note(folder: Path, note: Mapping[str, object]) -> None:
    if _read_note(folder) != note:
        write_to_send_on(folder / NOTE, json.dumps(note).encode())


def _values(folder: Path) -> Iterator[tuple[int, Summary.Value]]:
    """Yield what the event files of a folder hold, with its step."""
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for content in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(content)
            for value in event.summary.value:
                yield event.step, value


def _points(folder: Path) -> Iterator[tuple[tuple[str, int], float]]:
    for step, value in _values(folder):
        if value.HasField("simple_value"):
            yield (value.tag, step), value.simple_value


def _texts(folder: Path, tag: str) -> list[str]:
    return [
        value.tensor.string_val[0].decode()
        for _, value in _values(folder)
        if value.tag == tag and value.tensor.string_val
    ]


def _last(texts: Sequence[str]) -> str:
    return texts[-1] if texts else ""


def _session_start(trial: TrialView) -> Summary:
    # The package's own function for this needs TensorFlow.
    start = SessionStartInfo(group_name=trial.name, start_time_secs=trial.started_ms / 1000)
    for name, value in trial.parameters.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, str):
            start.hparams[name].string_value = value
        else:
            start.hparams[name].number_value = value
    return _hyperparameters(SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start))


def _hyperparameters(tag: str, data: Any) -> Summary:
    return Summary(value=[Summary.Value(tag=tag, metadata=create_summary_metadata(data))])


def _event(content: Summary, step: int, at_ms: int) -> Event:
    return Event(wall_time=at_ms / 1000, step=step, summary=content)


def _scalars(metrics: Mapping[str, float]) -> Summary:
    return Summary(value=[Summary.Value(tag=n, simple_value=v) for n, v in metrics.items()])


def _image(png: bytes) -> Summary.Image:
    width, height = struct.unpack(">II", png[16:24])  # of the header chunk
    return Summary.Image(height=height, width=width, colorspace=_RGBA, encoded_image_string=png)


def _table(notes: Mapping[str, str]) -> str:
    """Return notes as a table of Markdown."""
    rows = (f"| {name} | {' '.join(text.split())} |" for name, text in notes.items())
    return "\n".join(["| | |", "|---|---|", *rows])


def _now_ms() -> int:
    return int(time.time() * 1000)
