"""Names and patterns of results: as they are found in a folder, and without a walk over it."""

from pathlib import Path, PurePath

import pytest

from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.project_snapshot import results_left_out
from fieldsharp.sweep.execution.script.written_files import fits, matches

FILES = (
    *("m.csv", "logs/m.csv", "logs/a/m.csv", "logs/a/b/m.csv", "logs/a/m.csv.txt", "logs/.x/m.csv"),
    *(".m.csv", "logs/a/.m.csv", "out/[1]/m.csv", "out/1/m.csv", "logs/M.csv"),
)
PATTERNS = (
    *("m.csv", "./m.csv", "*.csv", "**/m.csv", "logs/**/m.csv", "logs/*/m.csv", "logs/**/*", "**"),
    *("logs/**", "*/*/m.csv", "out/[1]/m.csv", "out/[!2]/m.csv", "logs/?/m.csv", "**/.m.csv"),
    *("**/a/**/m.csv", "logs/.*/m.csv", "none/**/m.csv"),
)


def _settings(folder: Path, pattern: str) -> ScriptSettings:
    return ScriptSettings.model_validate(
        {"command": ["python", "t.py"], "project": str(folder), "metrics": pattern}
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_path_fits_a_pattern_if_it_is_found_by_it(tmp_path: Path, pattern: str) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = matches(tmp_path, pattern, _settings(tmp_path, pattern))
    expected = {str(path.relative_to(tmp_path)) for path in found}
    fitting = {name for name in FILES if fits(PurePath(name), pattern)}
    if "[1]" in pattern:  # found as it is written, and then not as a pattern
        assert expected <= fitting
    else:
        assert fitting == expected


def test_links_in_a_circle_do_not_keep_the_search_for_old_results_from_ending(
    tmp_path: Path,
) -> None:
    for name in "abcd":
        (tmp_path / name).mkdir()
        (tmp_path / name / "up").symlink_to("..")
    (tmp_path / "a" / "m.csv").touch()
    (told,) = results_left_out(_settings(tmp_path, "**/m.csv"))
    assert told.startswith("a/m.csv in the project has the name of a result")
