"""What is observed in a truth that stands outside the copies of trials, before any of them."""

from collections.abc import Mapping
from pathlib import Path, PurePath

from fieldsharp.fields.array_axes import pair_of_arrays
from fieldsharp.fields.settings import GridMeasures
from fieldsharp.sweep.configuration.script_results import field_file
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.arrays import open_array
from fieldsharp.sweep.execution.script.written_files import matches
from fieldsharp.sweep.study.formatting import PROJECT
from fieldsharp.sweep.trials.file_evaluation import evaluate_files


def observed_before_trials(
    settings: ScriptSettings, measures: GridMeasures
) -> Mapping[str, float] | None:
    """Return the metrics of a truth beside itself; None where that is known after a trial alone.

    A truth in the copy may be written anew by the script. One with dates counts each frame as often
    as forecasts hold for it, which only they say; arrays with axes have the same frames.

    Raises:
        FieldsharpError: If it cannot be read.
    """
    truth = field_file(settings.truth or "")
    stands_outside = PROJECT in truth.path or PurePath(truth.path).is_absolute()
    if not stands_outside or truth.axes is None:
        return None
    found = matches(Path(settings.project), truth.path, settings)
    if not found or not found[-1].exists():
        return None
    name = settings.truth_variable or settings.variable
    array = open_array(found[-1], truth, "trainer.truth", name)
    pair = pair_of_arrays(array, array)
    return evaluate_files(found[-1], found[-1], measures=measures, fields=pair).metrics
