"""Pictures of trials, drawn with matplotlib from saved previews.

May import `sweep.study` and all below it.
A new picture is a file here, a line in `trial_pictures`, and one in `study.files.artifacts`.
"""
