"""Gridded fields: reading and writing files, masks, splits, windows, derivatives, spectra.

May import `core`.
A new file format is a reader in its own module and a line in `reading.READERS`.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
