"""The reason and the next step of each verdict, in words."""

from fieldsharp.objectives.guards import guard_name
from fieldsharp.objectives.per_variable import named, split_name
from fieldsharp.objectives.verdicts.contender import USELESS, Contender, nearly_reaches, reaches
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.members_reasons import (
    after_refused_members,
    keep_tuning_members,
    what_members_differ_by,
)
from fieldsharp.objectives.verdicts.reach import in_words, what_to_ask_for

LITTLE_SKILL = 0.02
CURES = ("sorted", "amse_mix", "sorted_gradients", "gdl2", "gradient_magnitude")
"""Terms that were measured to sharpen, the best first: those that advice can name."""
NAMED = 3


def cures(results: Contenders) -> str:
    """Return the loss terms to try next: that can sharpen, were not refused, untried ones first."""
    tried = results.compared.tried
    left = [name for name in CURES if name not in results.refused_variants]
    named = sorted(left, key=lambda name: name in tried)[:NAMED]
    return f"{', '.join(named[:-1])} or {named[-1]}" if len(named) > 1 else "".join(named)


def refuted_trial(results: Contenders) -> Contender:
    """Return the trial that did not hold with new seeds; the baseline where it was a reference."""
    known = results.confirmed
    assert known is not None, "else nothing is refuted"
    candidates = (*results.sharp, *results.promising, *results.valid)
    return next(
        (c for c in candidates if not c.is_baseline and known.of_trial(c.number) is not None),
        results.baseline,
    )


def not_confirmed(results: Contenders) -> str:
    """Return why nothing was confirmed, each broken guard included."""
    known = results.confirmed
    assert known is not None, "else nothing is refuted"
    about = known.of_trial(refuted_trial(results).number)
    one = about or next(iter(known.ranking), None)
    if one is None or not one.faults:
        return f"nothing held with new seeds on the test split: {known.sentence}"
    name = f"trial {one.trial}" if not one.is_reference else "the baseline"
    under = f" under {one.sharpener}" if one.sharpener else ""
    split = f" on the {known.split} split" if known.split else ""
    return f"{name}{under} does not hold with new seeds{split}: {'; '.join(one.faults)}"


def after_a_failure(results: Contenders) -> str:
    """Return what to do where nothing held with new seeds."""
    known = results.confirmed
    assert known is not None, "else nothing is refuted"
    others = [c for c in results.valid if not c.is_baseline and known.of_trial(c.number) is None]
    search_on = "search on with resume STUDY --trials and confirm what is better then"
    if others:
        return f"do not use it; confirm more of its trials with --top, or {search_on}"
    return f"do not use it; {search_on}, or take a longer series, whose parts differ less"


def baseline_suffices(results: Contenders) -> str:
    """Return the figures of a baseline that is sharp enough, and what else is wrong with it."""
    baseline, also = results.baseline, ""
    if baseline.broken:  # such as in fields whose few changes cannot be predicted
        name, words = baseline.broken[0]
        also = f"; it breaks the guard {name} ({words}), which no gradient term mends"
    of_each = baseline.by_variable or {"": baseline}
    little = {name: one.skill for name, one in of_each.items() if one.skill < LITTLE_SKILL}
    for name, skill in little.items():
        also += (
            f"; its skill over the last known frame{f' of {name}' if name else ''} is {skill:.2f}, "
            "and a net that only repeats that frame is always sharp"
        )
    return (
        "the baseline, trained without any gradient term, is as sharp as is asked for already: "
        f"{results.figures(baseline)}{also}"
    )


def baseline_alone(results: Contenders) -> str:
    """Return the figures of a baseline that is the only complete trial."""
    return f"no trial but the baseline is complete: {results.figures(results.baseline)}"


def winner_reaches(results: Contenders) -> str:
    """Return the figures of the winner, and its lead over what needs no training."""
    winner = results.winners[0]
    known = results.confirmed
    held = known.of_trial(winner.number) if known is not None else None
    if held is not None and known is not None:
        return (
            f"trial {winner.number} reaches {results.all_targets} and breaks no guard with any new "
            f"seed on the test split: {known.sentence}"
        )
    reason = (
        f"trial {winner.number} reaches {results.all_targets} and breaks no guard: "
        f"{results.figures(winner)}"
    )
    lead = results.leads.get(winner.number)
    if results.reference is not None and lead is not None:
        reason += f"; {lead.words}"
    best = results.valid[0]
    if best is winner or best.is_baseline or reaches(best, results.targets):
        return reason
    return (
        f"{reason}; trial {best.number} has the lowest score, at a lower RMSE, and falls short of "
        f"a target, so name the other with --trial {winner.number}"
    )


def sharpened(results: Contenders) -> str | None:
    """Return the sharpener under which the baseline is as sharp as is asked for, None for none.

    With new seeds where there are any, else on the validation split. A baseline that is behind a
    forecast without a net is to be trained first, since no last step mends its error; one that was
    trained for as long as it pays only where that forecast is not blurred.
    """
    signs = results.training
    if signs is not None and signs.better and not signs.is_settled(results.targets):
        return None
    if results.confirmed is not None:
        found = results.confirmed.reference
        return found.sharpener if found is not None else None
    sharp = results.sharp_reference
    return sharp.sharpener if sharp is not None else None


def reference_reaches(results: Contenders) -> str:
    """Return how sharp the sharpened baseline is, and how the trained trials compare."""
    known = results.confirmed
    if known is not None and known.reference is not None:
        held = known.reference
        said = (
            f"the baseline under {held.sharpener}, without any further training, reaches "
            f"{results.all_targets} with new seeds on the test split, and no trained net is ahead "
            "of it by more than chance"
        )
        first = next((one for one in known.ranking if not one.is_reference), None)
        faults = first.faults if first is not None else ()
        return said + (f"; trial {first.trial}: {'; '.join(faults)}" if first and faults else "")
    reference = results.sharp_reference
    assert reference is not None, "the rule checks it"
    said = (
        f"the baseline under {reference.sharpener}, without any further training, reaches "
        f"{results.all_targets} and breaks no guard: {results.figures(reference)}"
    )
    if results.training is not None and results.training.better:
        said += f"; it could be better: {'; '.join(results.training.behind)}"
    if not results.sharp:
        return f"{said}; no trained net reaches {'them' if results.targets.others else 'both'}"
    best = results.sharp[0]
    lead = results.leads.get(best.number)
    beside = lead.words if lead is not None else "not ahead of it"
    return f"{said}; the best trained net, trial {best.number}, is {beside}: no more than chance"


def use_reference(results: Contenders) -> str:
    """Return how to get the sharpened baseline, and what could still beat it."""
    use = (
        "export the study: it writes the baseline with this last step, and train and predict use it"
    )
    if results.confirmed is not None:
        return use
    if any(not c.is_baseline for c in results.valid):
        use += "; the confirm command tells over seeds whether a trained net is ahead of it"
    return f"{use}{'; or let the sweep go on' if results.to_come else ''}"


def baseline_too_rough(results: Contenders) -> str:
    """Return how a baseline is rougher than the field."""
    name, words = results.baseline.broken[0]
    return (
        "the baseline, trained without any gradient term, is rougher than the field already, "
        f"{results.figures(results.baseline)}: {words} (guard {name}), and that is not blur"
    )


def nothing_foretold(results: Contenders) -> str:
    """Return that no forecast is better than each cell's mean."""
    signs = results.training.unpredictable if results.training is not None else None
    assert signs is not None, "the rule checks it"
    others = ", ".join(f"{one.rmse:.4g} of {one.name}" for one in signs.simple)
    return (
        f"neither the baseline nor a forecast without a net is better than each cell's mean"
        f"{f' of {signs.variable}' if signs.variable else ''}, whose "
        f"RMSE is {signs.rmse_climatology:.4g}: {signs.rmse:.4g} of the baseline, {others}"
    )


def is_to_be_trained_first(results: Contenders) -> bool:
    """Return whether the baseline has to be trained better before its trials are judged.

    One that was trained for as long as it pays is judged by them where one is on its way to the
    targets, unless a better forecast is not blurred at all.
    """
    signs = results.training
    is_settled = signs is not None and signs.is_settled(results.targets)
    return bool(training_faults(results)) and not (is_settled and results.promising)


def training_faults(results: Contenders) -> list[str]:
    """Return what shows that the baseline was trained too briefly."""
    useless = [
        named(split_name(name)[0], words)
        for name, words in results.baseline.broken
        if guard_name(name) == USELESS
    ]
    faults = results.training.faults if results.training is not None else []
    return faults or useless[:1]


def baseline_untrained(results: Contenders) -> str:
    """Return what shows that the baseline was trained too briefly."""
    said = (
        f"the baseline is not trained well enough to judge its blur: "
        f"{'; '.join(training_faults(results))}; it has {results.figures(results.baseline)}"
    )
    signs = results.training
    sharp = signs.without_blur(results.targets) if signs is not None else None
    if sharp is None:
        return said
    return (
        f"{said}; {sharp.name} has a gradient of {sharp.gradient:.4g}, not less than the target, "
        "so there is no blur to cure"
    )


def how_to_train_longer(results: Contenders) -> str:
    """Return what to change in the training."""
    if results.training is not None and results.training.ended_by_itself:
        return (
            "a longer training alone will not help, since its RMSE had stopped falling: lower "
            "training.learning_rate, give more frames (data.train_every), or look at a shorter lead"
        )
    searched = results.training is not None and results.training.length_was_searched
    longer = "raise training.most_steps" if searched else "set training.length to auto"
    return (
        f"train longer before any search: {longer}, and start the sweep under another name with "
        "--study"
    )


def trial_on_its_way(results: Contenders) -> str:
    """Return how far the best trial has come, and which went further wrongly."""
    trial = results.promising[0]
    if reaches(trial, results.targets):
        reason = f"trial {trial.number} reaches {results.all_targets}, {results.figures(trial)}"
        lead = results.leads.get(trial.number)
        if lead is not None:
            reason += f", but is {lead.words}{'' if lead.is_behind else ', which may be chance'}"
    else:
        reason = (
            f"trial {trial.number} comes {results.progress(trial):.0%} of the way from the "
            f"baseline to the targets: {results.figures(trial)}"
        )
    if not trial.is_complete:
        reason += f"; it was given up after epoch {trial.epochs}"
    if training_faults(results):
        reason += f"; the baseline could be better: {'; '.join(training_faults(results))}"
    if results.out_of_reach:
        reason += f"; {in_words(results.out_of_reach)}"
    further = results.compared.gamed_sharp
    if not further:
        return reason
    name, words = further[0].broken[0]
    return (
        f"{reason}; {len(further)} more reached the targets, but wrongly (first by guard {name}: "
        f"{words})"
    )


def keep_tuning(results: Contenders) -> str:
    """Return how to go on from a trial that is on its way."""
    trial = results.promising[0]
    if not trial.is_complete:
        return (
            f"train it to its end: export it with --trial {trial.number} and train the file, or "
            "give the sweep more with --trials"
        )
    lead = results.leads.get(trial.number)
    if results.of_members and (lead is None or lead.is_behind):
        return keep_tuning_members()
    if nearly_reaches(trial, results.targets) and results.confirmed is None:
        return "confirm it on new seeds and the test split with the confirm command, which decides"
    tuning = (
        "keep tuning weight and learning rate: start the narrowed search in next.yaml, written "
        "where the sweep was started, or by export STUDY --next -o next.yaml"
    )
    if not results.out_of_reach or not results.members_next:
        return tuning
    return f"{members_can(results)}; or, for what is within reach, {tuning}"


def none_yet(results: Contenders) -> str:
    """Return how many trials are to come."""
    return (
        f"no trial is on its way to the targets yet, and {results.to_come} are to come; the "
        f"baseline has {results.figures(results.baseline)}"
    )


def sharpness_costs_too_much(results: Contenders) -> bool:
    """Return whether full sharpness is out of reach, and no trial is refused for too much of it."""
    return bool(results.out_of_reach) and not any(c.exceeds for c in results.gamed)


def lead_out_of_reach(results: Contenders) -> str:
    """Return at which lead sharpness is out of reach, and how far the trials came."""
    said = in_words(results.out_of_reach)
    if not results.gamed:
        return f"{said}; {no_trial_is_sharper(results)}"
    gamed = results.gamed[0]
    name, words = gamed.broken[0]
    return (
        f"{said}; trial {gamed.number}, the sharpest, has {results.figures(gamed)}, and {words} "
        f"(guard {name})"
    )


def nearer_leads(results: Contenders) -> str:
    """Return which leads to ask for where one is out of reach."""
    shorter = what_to_ask_for(results.out_of_reach)
    return f"{members_can(results)}; or {shorter}" if results.members_next else shorter


def members_can(results: Contenders) -> str:
    """Return that members can be as sharp as is asked for, and how to have them trained."""
    leads = [str(one.lead) for one in results.out_of_reach]
    which = f"lead{'s' if len(leads) > 1 else ''} {' and '.join(leads)}" if leads else "this lead"
    return (
        f"no single forecast of {which} can be this sharp, and members can: start members.yaml, "
        "written where the sweep was started, or by export STUDY --members -o members.yaml"
    )


def sharp_for_a_wrong_reason(results: Contenders) -> str:
    """Return which trial is sharp for a wrong reason, and by which guard."""
    gamed = results.gamed[0]
    name, words = gamed.broken[0]
    others = f" ({len(gamed.broken)} guards in all)" if len(gamed.broken) > 1 else ""
    reached = reaches(gamed, results.targets)
    how_sharp = "sharp enough" if reached else "much sharper than the baseline"
    when = "" if gamed.is_complete else f" when it was given up after epoch {gamed.epochs}"
    return (
        f"trial {gamed.number} is {how_sharp}{when}, {results.figures(gamed)}, but for the wrong "
        f"reason: {words} (guard {name}){others}; no trial that breaks no guard comes near"
    )


def after_a_refusal(results: Contenders) -> str:
    """Return what to try in place of a loss, or of members, that was refused."""
    if results.of_members:
        return after_refused_members(results)
    refused = sorted(results.refused_variants)
    less = f" of {' and '.join(refused)}" if refused else ""
    other = cures(results)
    search = f", or search another loss_variant, such as {other}" if other else ""
    return f"do not use it; lower the range of gradient_weight{less}{search}"


def no_trial_is_sharper(results: Contenders) -> str:
    """Return the figures of the best trial, which is hardly sharper than the baseline."""
    if not results.valid:
        return (
            "every trial breaks a guard, and none is much sharper than the baseline, "
            f"{results.figures(results.baseline)}"
        )
    best = results.valid[0]
    return (
        f"the best that breaks no guard, trial {best.number}, is no sharper than "
        f"{results.figures(best)}"
    )


def another_architecture(results: Contenders) -> str:
    """Return what is left to change where no loss helped."""
    if results.of_members:
        return what_members_differ_by(results)
    return "change the architecture: search predictor.name (such as simvp) or predictor.width" + (
        "; or have members trained: start what export STUDY --members -o members.yaml writes"
        if results.members_next
        else ""
    )


def after_a_success(results: Contenders) -> str:
    """Return what to do with a winner."""
    if results.of_members:
        return "export and train it; predict --members writes its members"
    return (
        "go on to multi-scale learning: fix its loss, set loss.peak_variant to multiscale and "
        "search peak_weight beside it"
    )
