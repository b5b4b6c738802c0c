"""What trackers hold of a study, read back with their own readers."""

import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG, SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from wandb.proto import wandb_internal_pb2

from fieldsharp.sweep.tracking.mlflow import TRIAL

STUDY_RUN = -1
"""Stands for the number of the run of a study."""
REPLACED = -2
"""Stands for the number of runs that were set aside."""
SHOWN = {"gradient", "peak", "rmse", "score"}
"""Metrics of each epoch, of a study of one variable, beside the losses."""


@dataclass
class Run:
    """A run as its tracker tells it.

    Attributes:
        steps: The steps of each metric, a step once for each point.
        parameters: As text.
        final: The metrics ``final/...``.
        state: In the tracker's own words.
        text: Notes and verdict.
        texts: Of TensorBoard, by tag.
        pictures: How often each is there, by name.
    """

    steps: dict[str, list[int]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    final: dict[str, float] = field(default_factory=dict)
    state: str = ""
    text: str = ""
    texts: dict[str, list[str]] = field(default_factory=dict)
    pictures: Counter[str] = field(default_factory=Counter)


Runs = Mapping[int, list[Run]]


def read_tensorboard(folder: Path, study: str) -> Runs:
    found: dict[int, list[Run]] = {}
    for place in sorted(path for path in (folder / "runs" / study).iterdir() if path.is_dir()):
        number = _number(place.name)
        accumulator = EventAccumulator(str(place), {"tensors": 0, "scalars": 0, "images": 0})
        accumulator.Reload()
        tags = accumulator.Tags()
        run = Run(
            pictures=Counter({name: len(accumulator.Images(name)) for name in tags["images"]})
        )
        for name in tags["scalars"]:
            events = accumulator.Scalars(name)
            run.steps[name] = sorted(event.step for event in events)
            if name.startswith("final/"):
                run.final[name] = events[-1].value
        run.texts = {
            name: [event.tensor_proto.string_val[0].decode() for event in accumulator.Tensors(name)]
            for name in tags["tensors"]
            if accumulator.Tensors(name)[0].tensor_proto.string_val
        }
        run.text = " ".join(text for texts in run.texts.values() for text in texts)
        sessions = accumulator.summary_metadata
        for tag in (SESSION_START_INFO_TAG, SESSION_END_INFO_TAG):
            if tag in sessions:
                data = HParamsPluginData.FromString(sessions[tag].plugin_data.content)
                if tag == SESSION_START_INFO_TAG:
                    for name, value in data.session_start_info.hparams.items():
                        kind = value.WhichOneof("kind")
                        run.parameters[name] = str(getattr(value, kind))
                else:
                    run.state = str(data.session_end_info.status)
        found.setdefault(number, []).append(run)
    return found


def _number(folder: str) -> int:
    if folder.startswith("replaced-"):
        return REPLACED
    return STUDY_RUN if folder == "study" else int(folder.removeprefix("trial-"))


def read_mlflow(folder: Path, study: str) -> Runs:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    found: dict[int, list[Run]] = {}
    for held in client.search_runs([experiment.experiment_id], max_results=1000):
        run_id, tags = held.info.run_id, held.data.tags
        is_replaced = tags["fieldsharp.study"].endswith("replaced")
        of_study = tags[TRIAL] == "none"
        run = Run(
            steps={
                name: sorted(m.step for m in client.get_metric_history(run_id, name))
                for name in held.data.metrics
            },
            parameters=dict(held.data.params),
            final={n: v for n, v in held.data.metrics.items() if n.startswith("final/")},
            state=held.info.status,
            text=json.dumps(tags),
        )
        if of_study:
            artifacts = Path(held.info.artifact_uri.removeprefix("file://"))
            run.text += (artifacts / "verdict.txt").read_text(encoding="utf-8")
            pictures = (path.relative_to(artifacts) for path in artifacts.rglob("*.png"))
            run.pictures = Counter(str(path.with_suffix("")) for path in pictures)
        number = STUDY_RUN if of_study else int(tags[TRIAL])
        found.setdefault(REPLACED if is_replaced else number, []).append(run)
    return found


def records_of_wandb(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file of W&B, LevelDB's log after a header; no package reads it."""
    whole, record, at = 1, b"", 7
    block = 32768
    while at + 7 <= len(content):
        if block - at % block < 7:  # no header fits into what is left of a block
            at += block - at % block
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        record += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (whole, 4):  # whole, or the last part
            yield record
            record = b""


def read_wandb(folder: Path, study: str) -> Runs:
    found: dict[int, list[Run]] = {}
    for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        run, number, finished = Run(), STUDY_RUN, False
        for data in records_of_wandb(path.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(data)  # type: ignore[attr-defined]
            if record.HasField("run"):
                assert record.run.run_group == study
                if record.run.job_type == "trial":
                    number = int(record.run.display_name.removeprefix("trial-"))
                run.parameters |= {
                    item.key: json.loads(item.value_json) for item in record.run.config.update
                }
            for update in record.config.update:
                run.parameters[update.key] = json.loads(update.value_json)
            if record.HasField("history"):
                row = {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in record.history.item
                }
                for name, value in row.items():
                    picture, _, part = name.rpartition("/")
                    if part == "_type" and value == "image-file":
                        run.pictures[picture] += 1
                    elif name in SHOWN or name.startswith("loss/"):
                        run.steps.setdefault(name, []).append(int(row["_step"]))
            for update in record.summary.update:
                name = update.key or "/".join(update.nested_key)
                value = json.loads(update.value_json)
                if name.startswith("final/"):
                    run.final[name] = value
                run.text += f" {name} {value}"
            if record.HasField("exit"):
                finished, run.state = True, str(record.exit.exit_code)
        assert finished, f"{path} was cut off"
        run.parameters = {name: str(value) for name, value in run.parameters.items()}
        run.text += json.dumps(run.parameters)
        found.setdefault(number, []).append(run)
    return found


READERS: Mapping[str, Callable[[Path, str], Runs]] = {
    "tensorboard": read_tensorboard,
    "mlflow": read_mlflow,
    "wandb": read_wandb,
}


def assert_each_once(runs: Runs, epochs: Mapping[int, int], metric: str = "rmse") -> None:
    """Check that each trial has one run, and each of its epochs one point of each metric.

    Args:
        runs: As read back.
        epochs: Trained in each trial, by its number.
        metric: One that every epoch has.
    """
    assert {n: len(found) for n, found in runs.items() if n != STUDY_RUN} == dict.fromkeys(
        epochs, 1
    )
    for number, count in epochs.items():
        run = runs[number][0]
        assert run.steps.get(metric, []) == list(range(1, count + 1)), (number, run.steps)
        doubles = {name: steps for name, steps in run.steps.items() if len(set(steps)) < len(steps)}
        assert not doubles, (number, doubles)
