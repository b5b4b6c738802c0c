"""The HTML report of a study.

May import `sweep.results` and all below it.
A new section is a field of `model`, filled by `collect` and shown by `render`.
"""
