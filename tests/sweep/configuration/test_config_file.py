"""Reading configurations: what is understood, and every mistake in one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_yaml(text: str) -> Path:
        path = tmp_path / "sweep.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_yaml


def _load(path: Path, *overrides: str) -> SweepConfig:
    return load_config(path, overrides).config


def _refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_the_file_leaves_out_has_its_default(write: Write) -> None:
    config = _load(write("data: {path: a.nc}"))
    given = {"data": {"path": config.data.path}, "sharpening": {"name": "auto"}}
    assert config == SweepConfig.model_validate(given)
    assert (config.study, config.search.sampler, config.budget.trials) == ("sweep", "tpe", 16)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("1E-3", 1e-3), ("5e-4", 5e-4), (".5e-2", 5e-3), ("0.01", 0.01), ("1", 1.0)],
)
def test_numbers_with_an_exponent_are_numbers_in_file_and_override(
    write: Write, text: str, value: float
) -> None:
    in_file = _load(write(f"data: {{path: a.nc}}\ntraining: {{learning_rate: {text}}}"))
    assert in_file.training.learning_rate == value
    override = f"training.learning_rate={text}"
    assert _load(write("data: {path: a.nc}"), override).training.learning_rate == value


def test_a_data_path_in_the_file_is_relative_to_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("data: {path: sub/a.nc}")
    monkeypatch.chdir("/")
    assert _load(path).data.path == str(path.parent / "sub/a.nc")


def test_a_data_path_in_an_override_is_relative_to_the_working_directory(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    path = write("data: {path: a.nc}")
    assert _load(path, "data.path=b.nc").data.path == str(elsewhere / "b.nc")
    assert _load(path, "data.path=../b.nc").data.path == str(tmp_path / "b.nc")
    assert _load(path, "data.path=/b.nc").data.path == "/b.nc"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("a #1/f.nc", "a #1/f.nc"),
        ("a%20b? (2)/ü.nc", "a%20b? (2)/ü.nc"),
        ("a\nb.nc", "a\nb.nc"),
        ("'a #1.nc'", "a #1.nc"),
        ("!!str a #1.nc", "a"),
    ],
)
def test_a_text_in_an_override_is_what_was_typed(write: Write, typed: str, name: str) -> None:
    config = _load(write("study: s"), f"data.path={typed}")
    assert Path(str(config.data.path)) == Path.cwd() / name


def test_overrides_make_sections_lists_and_later_ones_win(write: Write) -> None:
    config = _load(
        write("data: {path: a.nc}"),
        "search.space.loss_variant={choices: [sobel, laplacian]}",
        "search.space.multi_step.choices=[all]",
        "loss.gradient_weight=0.1",
        "training.epochs=3",
        "training.epochs=5",
        "data.variable=a=b",
    )
    space = config.search.space
    assert space["loss_variant"] == Choices(choices=("sobel", "laplacian"))
    assert space["multi_step"] == Choices(choices=("all",))
    assert config.training.epochs == 5
    assert config.data.variable == "a=b"


def test_a_searched_setting_with_a_dot_in_its_name_can_be_given_and_refined(write: Write) -> None:
    config = _load(
        write("data: {path: a.nc}\nsearch: {space: {}}"),
        "search.space.predictor.width={low: 4, high: 64}",
        "search.space.predictor.width.high=32",
        "search.space.predictor.width.log=true",
    )
    assert config.search.space == {"predictor.width": NumberRange(low=4, high=32, log=True)}


def test_what_an_export_adds_is_kept_beside_the_settings(write: Write) -> None:
    file = load_config(write("data: {path: a.nc}\nexported: {trial: 3}\nmetrics: {rmse: 1.5}"))
    assert file.exported == {"trial": 3}
    assert file.metrics == {"rmse": 1.5}


def test_what_is_written_is_read_back_to_the_same(write: Write) -> None:
    """The word 1e3, which this reader would take for a number, among others it might."""
    words = ["1e3", "1.5", "true", "null", "2020-01-01", "~", "a: b", "über"]
    tree = {"data": {"path": "/a.nc", "variable": "1e-3"}, "exported": {"words": words, "x": 1e-9}}
    file = load_config(write(dump_yaml(tree)))
    assert file.config.data.variable == "1e-3"
    assert file.exported == tree["exported"]


@pytest.mark.parametrize("section", ["metrics", "exported"])
def test_what_an_export_adds_must_be_a_mapping(write: Write, section: str) -> None:
    assert f"{section} must be a mapping" in _refusal(write(f"data: {{path: a}}\n{section}: 3"))


def test_a_missing_file_is_named() -> None:
    assert "configuration nowhere.yaml does not exist; give a YAML" in _refusal(
        Path("nowhere.yaml")
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data: {path: a.nc", "is not valid YAML: while parsing"),
        ("- a\n- b", "must be a mapping of settings such as 'data:', found list"),
        ("", "must be a mapping of settings such as 'data:', found NoneType"),
        ("data: !!python/object:os.system {}", "is not valid YAML"),
    ],
)
def test_what_is_no_mapping_of_settings_is_refused(write: Write, text: str, said: str) -> None:
    assert said in _refusal(write(text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00data")
    assert "is not valid YAML" in _refusal(path)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("trainig.epochs=3", "unknown setting trainig: did you mean training?"),
        ("training.epoch=3", "unknown setting training.epoch: did you mean training.epochs?"),
        ("objective.targets.gradients=3", "did you mean objective.targets.gradient?"),
        ("data.split.trian=0.5", "did you mean data.split.train?"),
        (
            "training.zzz=3",
            "unknown setting training.zzz: choose one of length, epochs, least_steps",
        ),
        (
            "search.space.gradient_weight={lo: 1, high: 2}",
            "did you mean search.space.gradient_weight.low?",
        ),
        ("predictor.name=unett", "unknown predictor 'unett': did you mean 'unet'? choose one of"),
        ("loss.variant=sobol", "unknown loss variant 'sobol': did you mean 'sobel'?"),
        ("loss.multi_step=al", "loss.multi_step is 'al': did you mean 'all'? choose one of last"),
        ("search.sampler=tp", "search.sampler is 'tp': did you mean 'tpe'? choose one of tpe"),
        ("search.pruner=medium", "did you mean 'median'? choose one of auto, none, promotion"),
        ("search.rungs=3", "search.rungs: must be a list of epochs such as [3, 6], found 3; leave"),
        ("search.rungs=[6, 3]", "search.rungs: must rise, found 6, 3; put the smaller ones first"),
        ("search.rungs=[3]", "search.rungs has no effect while search.pruner is auto and training"),
        ("search.space.learning_rat={choices: [1]}", "did you mean 'learning_rate'?"),
        ("search.space.training.epoch={low: 1, high: 2}", "did you mean 'training.epochs'?"),
        ("training.epochs=0", "training.epochs must be greater than or equal to 1, found 0"),
        ("training.epochs=2.5", "training.epochs must be a valid integer"),
        ("training.learning_rate=fast", "learning_rate must be a valid number"),
        ("training.learning_rate=.nan", "training.learning_rate must be a finite number"),
        ("training.learning_rate=1e999", "training.learning_rate must be a finite number"),
        ("training.warmup_fraction=1", "warmup_fraction must be less than 1, found 1"),
        ("objective.targets.gradient=-3", "objective.targets.gradient: must be auto or a number"),
        ("budget.timeout=soon", "budget.timeout: must be a duration such as 90s, 30m, 2h or 1d"),
        ("workers.count=0", "workers.count must be greater than or equal to 1, found 0"),
        ("data.split.train=0.9", "must add up to 1, found 1.2; for example 0.7, 0.15 and 0.15"),
        ("training=3", "training must be a valid dictionary"),
        ("data.path.x=3", "--set data.path.x: path is a single value and has no x"),
        ("epochs", "--set 'epochs' is not of the form key.path=value"),
        ("=3", "--set '=3' is not of the form key.path=value"),
        ("training.epochs=[1", "--set training.epochs is not valid YAML: while parsing a flow"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_fix(write: Write, override: str, said: str) -> None:
    assert said in _refusal(write("data: {path: a.nc}"), override)


def test_a_missing_setting_is_named_with_the_option_that_gives_it(write: Write) -> None:
    assert "setting data is missing" in _refusal(write("study: s"))
    message = _refusal(write("data: {variable: v}"))
    assert "setting data.path is missing; add it to the file or give it with --set" in message


def test_a_misspelling_is_said_before_what_it_leaves_missing(write: Write) -> None:
    message = _refusal(write("data: {pth: a.nc}"))
    assert message.startswith("unknown setting data.pth: did you mean data.path? (and 1 more)")


def test_where_a_searched_range_is_wrong_its_place_is_said_as_in_the_file(write: Write) -> None:
    message = _refusal(write("data: {path: a}"), "search.space.loss_variant={choices: []}")
    assert message.startswith("search.space.loss_variant.choices must ")
    message = _refusal(write("data: {path: a}"), "search.space.learning_rate={low: x, high: 1}")
    assert message.startswith("search.space.learning_rate.low must be a valid ")


def test_a_key_that_stands_there_twice_is_refused(write: Write) -> None:
    path = write("data: {path: a.nc}\ntraining: {epochs: 3}\ntraining: {epochs: 4}")
    with pytest.raises(ConfigError, match="the key 'training' is given twice"):
        load_config(path)


def test_an_empty_section_means_its_defaults_and_can_be_filled_by_an_override(write: Write) -> None:
    path = write("data: {path: a.nc}\nbudget:\ntraining:")
    config = _load(path, "budget.trials=3")
    assert (config.budget.trials, config.training.epochs) == (3, 12)
