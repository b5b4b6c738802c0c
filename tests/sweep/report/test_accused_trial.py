"""The maps of a trial that the verdict refuses, in the report."""

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.render import lay_out, render
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from tests.sweep.report.studies import against_a_guard, copy_samples, make_study, trials_of


def test_a_trial_that_is_sharp_for_a_wrong_reason_is_shown(
    finished_url: str, storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    baseline, one = trials_of(finished_url)[:2]
    for record in (baseline.user_attrs["record"], one.user_attrs["record"]):
        record["references"] = []
    start = baseline.user_attrs["record"]["judgement"]["overall"]
    sharp = one.user_attrs["record"]["judgement"]["overall"]
    for name in ("gradient", "peak"):
        sharp[name] = 1.5 * start[name]
    bands = {
        name: BandSummary(low=1.4 * start[name], high=1.6 * start[name], offset=0.0)
        for name in ("gradient", "peak")
    }
    without = {"rmse_persistence": None, "linear": None}  # its two epochs are behind these
    facts = tiny_facts.model_copy(update=bands | without)
    budget = tiny_config.budget.model_copy(update={"trials": 2})
    config = tiny_config.model_copy(update={"budget": budget})
    study = make_study(storage_url, config, facts, [baseline, against_a_guard(one)])
    copy_samples(finished_url, storage_url, study)

    report = collect_report("tiny", storage_url)
    page = lay_out(report)

    assert (report.verdict.name, report.verdict.trial) == ("gamed", 1)
    assert report.accused is not None
    (maps,) = page.accused
    assert [one.title for one in maps.drawings[:3]] == ["observed", "baseline", "trial 1"]
    assert "The verdict refuses trial 1" in maps.sentence
    assert "The verdict refuses trial 1" in render(report, page)
