from __future__ import annotations

import pytest

from fieldsharp.core.errors import (
    BadInput,
    ConfigError,
    DatabaseDamaged,
    DataError,
    FieldsharpError,
    StoppedOnRequest,
    StorageError,
    StorageUnavailable,
    StudyError,
    TrainingFailed,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError, 2),
        (ConfigError, 2),
        (StudyError, 2),
        (StorageError, 1),
        (StorageUnavailable, 1),
        (DatabaseDamaged, 1),
        (TrainingFailed, 1),
        (StoppedOnRequest, 3),
    ],
)
def test_every_error_has_one_root_and_the_exit_code_of_its_kind(
    error: type[FieldsharpError], code: int
) -> None:
    assert error.exit_code == code
    assert issubclass(error, BadInput) == (code == 2)
