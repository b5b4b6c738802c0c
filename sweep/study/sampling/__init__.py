"""The sampler, and its view of a study: paused trials count as complete.

May import `sweep.study`.
A new sampler is an entry of `SAMPLERS` in `sweep/configuration/search_methods.py`.
"""
