"""A study whose maker died before it was whole: its name is not lost."""

import optuna
import pytest

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import open_or_create_study, study_config, study_data_summary
from fieldsharp.sweep.study.trial_records import FACTS, IDENTITY


@pytest.mark.parametrize("written", [(), (FACTS,), (FACTS, IDENTITY)])
def test_one_without_configuration_is_made_whole(
    storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary, written: tuple[str, ...]
) -> None:
    storage = open_database(storage_url, "write")
    study = optuna.create_study(study_name="tiny", storage=storage)
    for name in written:
        study.set_user_attr(name, "0123456789abcdef")

    whole = open_or_create_study(storage, tiny_config, tiny_facts)

    assert study_config(whole) == tiny_config
    assert study_data_summary(whole) == tiny_facts


def test_one_of_somebody_else_is_refused(
    storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    storage = open_database(storage_url, "write")
    foreign = optuna.create_study(study_name="tiny", storage=storage)
    foreign.tell(foreign.ask(), 1.0)
    with pytest.raises(StudyError, match="was not started by this program"):
        open_or_create_study(storage, tiny_config, tiny_facts)
