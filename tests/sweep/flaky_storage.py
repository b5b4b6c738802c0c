"""A storage whose calls are refused, or in the middle of which the coordinator is killed."""

from collections.abc import Callable
from typing import Any

from optuna.storages import RDBStorage

from fieldsharp.core.errors import StorageUnavailable

FOREVER = 10**9


class Killed(BaseException):
    """The coordinator's process is gone: nothing of what it meant to do still happens."""


class FlakyStorage:
    """Lets the calls of a storage fail, before or after they took effect."""

    CALLS = (
        "create_new_trial",
        "_create_new_trial",
        "set_trial_param",
        "set_trial_state_values",
        "set_trial_intermediate_value",
        "set_trial_user_attr",
        "set_trial_system_attr",
        "set_study_user_attr",
        "get_trial",
        "get_all_trials",
        "_read_trials_from_remote_storage",
    )

    def __init__(self, storage: RDBStorage) -> None:
        self.dead = False
        self.refusals = 0
        self._due = FOREVER
        self._how = ""
        for name in self.CALLS:
            if hasattr(storage, name):
                setattr(storage, name, self._wrapped(getattr(storage, name)))

    def disturb(self, how: str, after_calls: int, refusals: int) -> None:
        self._how, self._due, self.refusals = how, after_calls, refusals

    def heal(self) -> None:
        self.dead, self.refusals, self._due = False, 0, FOREVER

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def flaky(*arguments: Any, **keywords: Any) -> Any:
            if self.dead:
                raise Killed
            self._due -= 1
            if self._due > 0:
                return call(*arguments, **keywords)
            if self._how.endswith("after"):
                call(*arguments, **keywords)
            if self._how.startswith("killed"):
                self.dead = True
                raise Killed
            self.refusals -= 1
            if self.refusals <= 0:
                self._due = FOREVER
            raise StorageUnavailable("database is locked")

        return flaky
