"""The pages themselves: the Optuna dashboard's, over the database of the studies."""

from collections.abc import Callable, Iterable
from typing import Any

from optuna.storages import RDBStorage
from optuna_dashboard import wsgi

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def make_app(storage: RDBStorage, storage_url: str) -> WsgiApp:  # noqa: ARG001
    """Return what answers every request that was let in.

    Args:
        storage: The open database.
        storage_url: Its address; files of the studies stand beside it.
    """
    app: WsgiApp = wsgi(storage)
    return app
