"""The verdict on a sweep over a script, with what to do where the losses are somebody else's."""

from fieldsharp.objectives.verdict import GAMED, NOTHING_TO_FIX, PROMISING, STUCK, SUCCESS, Verdict
from fieldsharp.sweep.configuration.settings import SweepConfig

NEXT = {
    SUCCESS: "run the script by hand with these values and other seeds, and look at a period that "
    "was not searched on, before they are believed",
    PROMISING: "keep tuning: start the narrowed search in next.yaml, written where the sweep was "
    "started, or by export STUDY --next -o next.yaml",
    STUCK: "search something larger: another loss of the script's, a wider range, its architecture",
    GAMED: "do not use it; lower the range of the weight, or search another loss",
    NOTHING_TO_FIX: "use the baseline; if you expected blur, train it longer, look at a longer "
    "lead, or set higher objective.targets",
}


def as_script_verdict(config: SweepConfig, verdict: Verdict) -> Verdict:
    """Return a verdict with advice that can be followed where a script is trained."""
    if config.trainer is None or verdict.name not in NEXT:
        return verdict
    return verdict.model_copy(update={"next": NEXT[verdict.name]})
