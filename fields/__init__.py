"""Gridded fields: reading and writing, masks, splits, windows, derivatives, spectra.

May import `core`.
Formats of files are in `files`, what their coordinates mean in `coordinates`, fields of one or
several opened files in `sources`.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
