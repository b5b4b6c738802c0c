"""The pictures of a trial as Optuna's artifacts: what they are called, and which trial they are of.

An artifact's number says of itself what it is a picture of, so that it can be drawn when somebody
looks at it and not before: a sweep is not slowed by pictures that nobody asks for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fieldsharp.storage.optuna_adapter.internals import artifact_attribute, artifact_description
from fieldsharp.sweep.study.files.previews import TrialPreview
from fieldsharp.sweep.study.trial_spec import TrialSpec

Picture = Literal["maps-first-lead", "maps-last-lead", "spectra", "by-lead", "epochs"]
PICTURES: dict[Picture, str] = {
    "maps-first-lead": "the forecast beside what was observed and the baseline, first lead",
    "maps-last-lead": "the forecast beside what was observed and the baseline, last lead",
    "spectra": "how much of the field is at which scale",
    "by-lead": "gradient and peak at each lead, beside their targets",
    "epochs": "losses and score after each epoch",
}
"""In the order in which they are shown; new ones go last, since artifacts are numbered by it."""
_ID = re.compile(r"([0-9a-f]{8,64})-([0-9a-f]{6})-([0-9a-f]{12})-([0-9a-f]{2})")


@dataclass(frozen=True)
class TrialPicture:
    """A picture of a trial.

    Attributes:
        identity: Of the study.
        number: The trial.
        fingerprint: First digits of that of what it trained: with a copy of the database put back,
            its number may be another's.
        picture: Which.
    """

    identity: str
    number: int
    fingerprint: str
    picture: Picture

    @property
    def artifact_id(self) -> str:
        """The number Optuna knows it by."""
        index = list(PICTURES).index(self.picture)
        return f"{self.identity}-{self.number:06x}-{self.fingerprint}-{index:02x}"


def picture_of(artifact_id: str) -> TrialPicture | None:
    """Return the picture an artifact is, None for one that was uploaded."""
    found = _ID.fullmatch(artifact_id)
    if found is None or int(found[4], 16) >= len(PICTURES):
        return None
    picture = list(PICTURES)[int(found[4], 16)]
    return TrialPicture(found[1], int(found[2], 16), found[3], picture)


def pictures_of(sample: TrialPreview) -> list[Picture]:
    """Return which pictures a trial has."""
    maps: list[Picture] = []
    if sample.forecast is not None:
        leads = len(sample.forecast.values_LHW)
        maps = ["maps-first-lead", "maps-last-lead"] if leads > 1 else ["maps-first-lead"]
        maps.append("spectra")
    return [*maps, "by-lead", "epochs"]


def artifact_attributes(
    identity: str, spec: TrialSpec, pictures: Sequence[Picture]
) -> dict[str, str]:
    """Return the system attributes by which Optuna knows the pictures of a trial."""
    attributes = {}
    for picture in pictures:
        of_trial = TrialPicture(identity, spec.number, spec.fingerprint[:12], picture)
        attributes[artifact_attribute(of_trial.artifact_id)] = artifact_description(
            of_trial.artifact_id, f"{picture}.png", "image/png"
        )
    return attributes
