"""Pictures of trials, drawn with matplotlib from saved previews.

May import `sweep.study` and all below it.
A new picture is a file here and a line in `trial_pictures`; `study.files.artifacts` names it.
"""
