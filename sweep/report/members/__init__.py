"""The section of a report on the members of an ensemble: data, sentences, table, pictures.

May import `sweep.report.model`, `sentences`, `figures`, `tables`, and all that `sweep.report` may.
A further figure of members is a function in `figures` or a column in `table`.
"""
