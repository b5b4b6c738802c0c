"""The page of guards has every guard, and says of each what its limit is by default."""

import re

from fieldsharp.objectives.guards_of_members import EVERY_GUARD
from fieldsharp.objectives.settings import GuardSettings
from fieldsharp.sweep.trials.frame_order import ORDER
from tests.docs.pages import DOCS

TEXT = (DOCS / "guards.md").read_text(encoding="utf-8")


def _sections() -> dict[str, str]:
    parts = re.split(r"^### (\w+)$", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_guard_has_a_section() -> None:
    assert set(_sections()) == {*EVERY_GUARD, ORDER}


def test_every_limit_stands_there_with_its_default() -> None:
    for name, field in GuardSettings.model_fields.items():
        # "`rmse_over_baseline` (1.25)" or "`rmse_over_climatology`, 1": whichever reads well.
        there = re.search(rf"`{name}` ?\(?,? ?\+?([0-9.]+|auto)", TEXT)
        assert there, f"{name} is not on the page with its default"
        value = there[1].rstrip(".")
        assert (value if value == "auto" else float(value)) == field.default
