"""Pictures of the members of an ensemble: maps, rank histogram, reliability, spread by lead.

May import the other modules of `sweep.pictures` but `trial_pictures`, and all that those may.
A new picture is a file here, and the two lines that `sweep.pictures` names.
"""
