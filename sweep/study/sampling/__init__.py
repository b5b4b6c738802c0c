"""The sampler, and its view of a study: paused trials count as complete.

May import `sweep.study`.
A new sampler is one line in `sweep/study/lookup.py`.
"""
