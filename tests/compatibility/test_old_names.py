"""Import paths that configurations and plug-ins of an earlier version hold lead where they led."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compatibility.looks import (
    LIMIT_S,
    LOOKS,
    PROJECT,
    copied,
    differences,
    environment,
    expected,
)

PREDICTORS = (
    "model.predictors.unet:UNet",
    "model.predictors.simvp:SimVP",
    "model.predictors.convlstm:ConvLSTM",
    "model.predictors.ensemble:Ensemble",
)
"""May stand under predictor.name and predictor.options.member, searched or not."""

TERMS = (
    "model.losses.none:no_term",
    "model.losses.gradient:gradient_l1",
    "model.losses.sobel:sobel_mse",
    "model.losses.laplacian:laplacian_mse",
    "model.losses.multiscale:multiscale_mse",
    "model.losses.magnitude:gradient_magnitude_mse",
    "model.losses.gradient_difference:gdl",
    "model.losses.gradient_difference:gdl2",
    "model.losses.fourier:fourier_amplitude",
    "model.losses.fourier:facl",
    "model.losses.fourier:focal_frequency",
    "model.losses.adjusted_mse:amse",
    "model.losses.adjusted_mse:amse_minus_mse",
    "model.losses.distribution:sorted_both",
    "model.losses.distribution:sorted_values",
    "model.losses.distribution:sorted_gradients",
    "model.losses.distribution:extremes",
    "model.losses.weighted:balanced_mse",
    "model.losses.weighted:pinball",
    "model.losses.structure:one_minus_ssim",
    "model.losses.pointwise:mse",
    "model.losses.pointwise:l1",
    "model.losses.crps:almost_fair_crps",
)
"""May stand under loss.variant and loss.peak_variant, searched or not."""

SHOWN = ("model.predictors.shape:ForecastShape", "data.plumes:simulate")
"""What plug-ins and scripts import beside them, as the pages show it."""

FIND = """
import json, sys
from importlib import import_module
found = []
for path in json.loads(sys.argv[1]):
    module, _, name = path.partition(":")
    found.append(getattr(import_module(module), name).__name__)
print(json.dumps(found))
"""


def test_every_path_there_was_leads_to_what_has_that_name() -> None:
    paths = [*PREDICTORS, *TERMS, *SHOWN]
    done = subprocess.run(
        [sys.executable, "-c", FIND, json.dumps(paths)],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [path.partition(":")[2] for path in paths]


@pytest.mark.outside
@pytest.mark.parametrize("name", ["names.json", "ensemble.json"])
def test_what_is_named_by_its_path_trains_as_it_did(name: str, tmp_path: Path) -> None:
    assert differences(expected(name), LOOKS[name](copied(tmp_path))) == []


@pytest.mark.outside
def test_a_module_of_the_users_imports_terms_and_runs_by_itself(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    with (folder / "own" / "terms.py").open("a", encoding="utf-8") as file:
        file.write("\nprint(both.__doc__, sorted_both.__name__, sobel_mse.__name__)\n")
    done = subprocess.run(
        [sys.executable, "-m", "own.terms"],
        cwd=PROJECT,
        env=environment(PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Sorted values beside Sobel's gradients. sorted_both sobel_mse\n"
