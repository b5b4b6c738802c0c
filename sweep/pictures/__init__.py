"""Pictures of trials, drawn with matplotlib from saved previews.

May import `sweep.study` and all below it.
A new picture is one module here and one line in `trial_pictures`.
"""
