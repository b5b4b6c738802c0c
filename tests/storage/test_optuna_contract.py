"""Optuna's own contract tests of storages, on databases opened as this program opens them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from optuna.storages import RDBStorage
from optuna.testing.pytest_storages import StorageTestCase

from fieldsharp.storage.database import open_database


@contextmanager
def _opened(url: str) -> Iterator[RDBStorage]:
    storage = open_database(url, "write")
    try:
        yield storage
    finally:
        storage.scoped_session.remove()
        storage.engine.dispose()


@pytest.mark.outside  # nearly sixty databases are made, which takes 20 seconds
class TestOnSqlite(StorageTestCase):
    @pytest.fixture
    def storage(self, storage_url: str) -> Iterator[RDBStorage]:
        with _opened(storage_url) as storage:
            yield storage


@pytest.mark.cluster
class TestOnPostgres(StorageTestCase):
    @pytest.fixture
    def storage(self, postgres_url: str) -> Iterator[RDBStorage]:
        with _opened(postgres_url) as storage:
            yield storage
