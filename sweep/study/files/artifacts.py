"""The pictures of a trial as Optuna's artifacts, with ids that name the trial and the picture.

Since the id of an artifact says what to draw, a picture is drawn only when it is opened: a sweep is
not slowed by pictures that nobody asks for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fieldsharp.storage.optuna_adapter.internals import artifact_attribute, artifact_description
from fieldsharp.sweep.study.files.previews import TrialPreview
from fieldsharp.sweep.study.trial_spec import TrialSpec

Picture = str


class PictureKind(NamedTuple):
    """What a picture shows, and what it needs.

    Attributes:
        description: For the note of a trial.
        leads: How many leads a forecast must have; 0 needs no forecast.
        of_members: Whether it needs members that are judged together.
    """

    description: str
    leads: int
    of_members: bool = False


PICTURES: dict[Picture, PictureKind] = {
    "maps-first-lead": PictureKind(
        "the forecast beside what was observed and the baseline, first lead", 1
    ),
    "maps-last-lead": PictureKind(
        "the forecast beside what was observed and the baseline, last lead", 2
    ),
    "spectra": PictureKind("how much of the field is at which scale", 1),
    "by-lead": PictureKind("gradient and peak at each lead, beside their targets", 0),
    "epochs": PictureKind("losses and score after each epoch", 0),
    "frontier": PictureKind("error against sharpness, beside all other forecasts of the study", 1),
    "members-first-lead": PictureKind(
        "three members beside what was observed, and the mean and spread of all, first lead",
        1,
        of_members=True,
    ),
    "members-last-lead": PictureKind(
        "three members beside what was observed, and the mean and spread of all, last lead",
        2,
        of_members=True,
    ),
    "rank-histogram": PictureKind(
        "how often the truth has each rank among the members", 1, of_members=True
    ),
    "reliability": PictureKind(
        "how often events happen that a share of the members forecast", 1, of_members=True
    ),
    "spread": PictureKind(
        "spread of the members and error of their mean, and CRPS, at each lead", 1, of_members=True
    ),
}
"""In the order in which they are shown; new ones go last, since artifact ids have the position."""
_ID = re.compile(r"([0-9a-f]{8,64})-([0-9a-f]{6})-([0-9a-f]{12})-([0-9a-f]{2})(?:-([0-9a-f]{2}))?")
MOST_VARIABLES = 256
"""With pictures of their own; a forecast of more still has those of the first ones."""


@dataclass(frozen=True)
class TrialPicture:
    """A picture of a trial in the study of an identity.

    The fingerprint has the first digits of the specification's: in a restored copy of the database
    the number may be another trial's.

    Attributes:
        variable: Which of the predicted variables it is of, from 0.
    """

    identity: str
    number: int
    fingerprint: str
    picture: Picture
    variable: int = 0

    @property
    def artifact_id(self) -> str:
        """The id of the artifact."""
        index = list(PICTURES).index(self.picture)
        of_variable = f"-{self.variable:02x}" if self.variable else ""
        return f"{self.identity}-{self.number:06x}-{self.fingerprint}-{index:02x}{of_variable}"


def picture_of(artifact_id: str) -> TrialPicture | None:
    """Return the picture of an artifact id, None for an uploaded artifact."""
    found = _ID.fullmatch(artifact_id)
    if found is None or int(found[4], 16) >= len(PICTURES):
        return None
    picture = list(PICTURES)[int(found[4], 16)]
    variable = int(found[5] or "0", 16)
    return TrialPicture(found[1], int(found[2], 16), found[3], picture, variable)


def pictures_of(preview: TrialPreview) -> list[Picture]:
    """Return the pictures that can be drawn from a preview."""
    forecast = preview.forecast
    leads = 0 if forecast is None else len(forecast.values_LHW)
    has_members = forecast is not None and forecast.members is not None
    return [
        name
        for name, kind in PICTURES.items()
        if kind.leads <= leads and kind.of_members <= has_members
    ]


def artifact_attributes(
    identity: str, spec: TrialSpec, pictures: Sequence[Picture]
) -> dict[str, str]:
    """Return the system attributes that list the pictures of a trial as its artifacts.

    Those of every predicted variable, the first first; file names of the others begin with theirs.
    """
    attributes = {}
    for variable, name in enumerate(spec.run.data.predicted[:MOST_VARIABLES]):
        of_variable = f"{_in_a_file_name(name or '')} " if variable else ""
        for picture in pictures:
            of_trial = TrialPicture(identity, spec.number, spec.fingerprint[:12], picture, variable)
            attributes[artifact_attribute(of_trial.artifact_id)] = artifact_description(
                of_trial.artifact_id, f"{of_variable}{picture}.png", "image/png"
            )
    return attributes


def _in_a_file_name(variable: str) -> str:
    """Return the name of a variable with all that may mean something in a path replaced."""
    return re.sub(r"[^\w.-]", "_", variable)
