"""Training passes until a search reaches a fixed score: this service beside other searches.

Run as a part of `make bench`, or with choices as ``python -m research.search_comparison``.

A search is run until it has trained a trial through all its epochs that breaks no guard and whose
score, against the finished baseline, is at or below a fixed target; or until it has spent as much
as ``--cap`` full trainings, and is then counted as what it spent: it took at least that much.
Compared are medians over the seeds of the sampler.

Counted are training-sample passes, windows of the training part times epochs: every epoch of every
trial, the baseline's and those of trials that were pruned or diverged included. An epoch that a
paused trial tells again when it goes on is not trained again and not counted again. All searches
have one trial at a time, begin with the baseline (its RMSE is part of every score), search the
same space, train with the same code and judge after every epoch. The guards are known to our
search alone; what has reached the target is judged from outside, the same for all.

What is not counted: the steps a real worker takes into its next epoch before it hears that its
trial is pruned, milliseconds; here every trial waits for that word, in all searches.

Trainings are deterministic on one CPU, so what one search has trained is kept in a folder and told
to the next that asks for it, epoch by epoch: the presets, and the first ten trials, which Optuna's
samplers draw alike from the same seed. That saves the time of the benchmark alone: the next search
is charged for those epochs as if it had trained them.
"""
