"""Files of fields: opening NetCDF, Zarr and NumPy files, refusing what they must not do.

`data_files` is what ``data.path`` names: patterns, lists and addresses.

May import `core`.
A new file format is a reader in its own module and a line in `formats.READERS`.
"""
