"""Ensembles of simulated fields whose true distribution is known: which pass, and what refuses the
rest."""

from __future__ import annotations

import re
from typing import Any

import pytest

from fieldsharp.objectives.guards import broken, check_guards
from fieldsharp.objectives.guards_of_members import GUARDS_OF_MEMBERS
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED
from fieldsharp.objectives.settings import GuardSettings
from tests.docs.pages import DOCS
from tests.objectives.members.cheat_table import FIELDS, SETTINGS, table, tried
from tests.objectives.members.ensembles import TRIED
from tests.objectives.members.scenes import Scene, scene

EACH = pytest.mark.parametrize("field", FIELDS)
pytestmark = pytest.mark.xdist_group("ensembles")


def refused(of: Scene) -> list[str]:
    """The guards that a perfect ensemble breaks."""
    values = of.judge(of.members_KBTHW)
    return [
        one.name for one in broken(check_guards(values, SETTINGS, of.baseline(), of.variation()))
    ]


# --- The perfect ensemble -------------------------------------------------------------------------


@EACH
def test_a_perfect_ensemble_passes_every_guard_and_beats_both_references(field: str) -> None:
    found = tried("perfect", field)
    assert found.guards == []
    assert found.is_better
    assert max(found.crps, found.variogram) < 1.0


@EACH
def test_no_other_ensemble_that_passes_has_as_good_a_score(field: str) -> None:
    perfect = tried("perfect", field)
    for name in (*TRIED, DRESSED, CLIMATOLOGY):
        other = tried(name, field)
        assert name == "perfect" or other.guards or other.score > perfect.score, name


@EACH
@pytest.mark.parametrize("given", [{"windows": 10}, {"windows": 10, "members": 4}])
def test_it_passes_in_few_windows_too(field: str, given: dict[str, Any]) -> None:
    assert refused(scene(field, 1, **given)) == []


@pytest.mark.parametrize(
    ("field", "given"),
    [("plumes", {"masked": True}), ("showers", {"members": 4}), ("gaussian", {})],
)
def test_it_passes_with_masked_cells_with_four_members_and_on_another_field(
    field: str, given: dict[str, Any]
) -> None:
    assert refused(scene(field, 1, windows=30, **given)) == []


def test_in_few_windows_the_limits_without_tolerance_would_refuse_it() -> None:
    """Else the tolerance would be for nothing."""
    given = scene("plumes", 4, windows=10)
    values, baseline = given.judge(given.members_KBTHW), given.baseline()
    enough = FieldVariation(independent_samples=64.0)
    assert broken(check_guards(values, SETTINGS, baseline, enough))
    assert refused(given) == []


# --- Cheats ---------------------------------------------------------------------------------------

CHEATS = [name for name, one in TRIED.items() if one.guards]


@EACH
@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_refused_by_the_guards_that_are_made_for_it(field: str, name: str) -> None:
    assert set(TRIED[name].guards) <= set(tried(name, field).guards)


@EACH
@pytest.mark.parametrize("name", [name for name, one in TRIED.items() if one.no_better])
def test_noise_that_looks_like_the_errors_is_no_better_than_the_references(
    field: str, name: str
) -> None:
    """No guard can tell it from a sample: it is the baseline dressed with errors, but for place."""
    assert not tried(name, field).is_better


@EACH
def test_members_that_are_smoothed_pass_but_are_short_of_the_target(field: str) -> None:
    found = tried("smoothed", field)
    assert found.guards == []
    assert found.gradient < 0.95


@EACH
def test_a_reference_is_no_better_than_itself(field: str) -> None:
    assert tried(DRESSED, field).guards == []
    assert not tried(DRESSED, field).is_better
    assert not tried(CLIMATOLOGY, field).is_better


def test_every_guard_of_members_alone_refuses_some_cheat() -> None:
    own = {
        *("mean_rmse", "spread_least", "spread_most", "copies", "alike", "uneven_gradients"),
        "uneven_peaks",
    }
    assert own <= set(GUARDS_OF_MEMBERS)
    found = {guard for name in CHEATS for field in FIELDS for guard in tried(name, field).guards}
    assert own <= found


@EACH
def test_a_limit_that_is_set_wide_lets_its_cheat_through(field: str) -> None:
    """So it is this guard that refuses members that are too sure."""
    settings = GuardSettings(spread_over_error_least=0.3)
    values = tried("too sure", field).values
    assert "spread_least" not in [one.name for one in broken(check_guards(values, settings, None))]


# --- The page -------------------------------------------------------------------------------------

NUMBER = re.compile(r"\d\.\d\d")


def test_the_page_has_the_table_that_the_code_gives() -> None:
    """Numbers within 0.02, as another machine may round them otherwise."""
    lines = (DOCS / "members.md").read_text(encoding="utf-8").splitlines()
    expected = table()
    first = lines.index(expected[0])
    for line, of_code in zip(lines[first:], expected, strict=False):
        assert NUMBER.sub("", line) == NUMBER.sub("", of_code)
        numbers = [float(one) for one in NUMBER.findall(line)]
        assert numbers == pytest.approx([float(one) for one in NUMBER.findall(of_code)], abs=0.021)
    assert not lines[first + len(expected)].startswith("|")
