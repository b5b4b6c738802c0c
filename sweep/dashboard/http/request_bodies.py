"""Validates the bodies of requests: JSON within limits, with the fields its route takes."""

import base64
import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from fieldsharp.core.printable import printable
from fieldsharp.sweep.configuration.limited_loader import MOST_LEVELS
from fieldsharp.sweep.dashboard.http.request_paths import RequestPath

MAX_REASON_LENGTH = 300
_FORBIDDEN = re.compile("[\0\ud800-\udfff]")
"""The character U+0000, and halves of surrogate pairs."""


def _is_printable(name: str) -> str:
    if printable(name) != name:
        raise ValueError("must hold no control characters")
    return name


def _is_data_uri(text: str) -> str:
    kind, comma, content = text.partition(",")
    if not (kind.startswith("data:") and comma):
        raise ValueError("must be a data: URI")
    base64.standard_b64decode(content)
    return text


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


StudyName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_is_printable)]
Direction = Annotated[str, Field(pattern=r"(?i)^(minimize|maximize)$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]


class _NewStudy(_Body):
    study_name: StudyName
    directions: list[Direction] = Field(min_length=1, max_length=100)


class _Rename(_Body):
    study_name: StudyName


class _Note(_Body):
    body: str
    version: Whole


class _Preference(_Body):
    mode: Literal["ChooseWorst"]
    candidates: list[Whole] = Field(max_length=1000)
    clicked: Whole


class _Feedback(_Body):
    output_type: Literal["note", "artifact"]
    artifact_key: str | None = None


class _Tell(_Body):
    state: str
    values: list[Finite] | None = None


class _UserAttributes(_Body):
    user_attrs: dict[Annotated[str, Field(max_length=512)], JsonValue] = Field(min_length=1)


class _Upload(_Body):
    file: Annotated[str, AfterValidator(_is_data_uri)]
    filename: str = Field("", max_length=255)


_MODELS: tuple[tuple[re.Pattern[str], type[_Body]], ...] = tuple(
    (re.compile(pattern), model)
    for pattern, model in (
        (r"POST /api/studies", _NewStudy),
        (r"POST /api/studies/\d+/rename", _Rename),
        (r"PUT /api/studies/\d+(/\d+)?/note", _Note),
        (r"POST /api/studies/\d+/preference", _Preference),
        (r"PUT /api/studies/\d+/preference_feedback_component", _Feedback),
        (r"POST /api/trials/\d+/tell", _Tell),
        (r"POST /api/trials/\d+/user-attrs", _UserAttributes),
        (r"POST /api/artifacts/\d+(/\d+)?", _Upload),
    )
)


def wrong_body(path: RequestPath, content_type: str, body: bytes) -> str | None:
    """Return the error of a body, None where its route accepts it."""
    model = next((model for pattern, model in _MODELS if pattern.fullmatch(path.route)), None)
    if not body and model is None:
        return None
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return "the body must be JSON; send it with the header Content-Type: application/json"
    try:
        tree = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        return f"the JSON is nested deeper than {MOST_LEVELS} levels; flatten it"
    except ValueError as error:  # also numbers of thousands of digits
        return (
            f"the body is not valid JSON ({printable(str(error))[:MAX_REASON_LENGTH]}); correct it"
        )
    if not isinstance(tree, dict):
        return "the body must be a JSON object, such as {}"
    return _beyond_limits(tree) or (None if model is None else _misfit(model, tree))


def wrong_values(body: bytes, objectives: int) -> str | None:
    """Return the error of the values reported for a trial, None where they fit its study.

    ``body`` is one that ``wrong_body`` accepts; a trial of the study has ``objectives`` values.
    """
    values = json.loads(body).get("values")
    if values is None or len(values) == objectives:
        return None
    return f"values has {len(values)} numbers and the study takes {objectives}; send that many"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"JSON has no number {name}")


def _beyond_limits(tree: Any) -> str | None:
    """Return the first limit that a tree exceeds, which may be of any depth."""
    level = [tree]
    for _ in range(MOST_LEVELS):
        texts = [key for value in level if isinstance(value, dict) for key in value]
        texts += [value for value in level if isinstance(value, str)]
        if any(_FORBIDDEN.search(text) for text in texts):
            return "a text holds the character U+0000 or half of a surrogate pair; take it out"
        if any(isinstance(value, float) and abs(value) == float("inf") for value in level):
            return "a number is too large for JSON; take a smaller one"
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return None
    return f"the JSON is nested deeper than {MOST_LEVELS} levels; flatten it"


def _misfit(model: type[_Body], tree: dict[str, Any]) -> str | None:
    try:
        model.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        reason = printable(f"{where}: {first['msg']}")[:MAX_REASON_LENGTH]
        return f"the body does not fit this address ({reason}); correct it"
    return None
