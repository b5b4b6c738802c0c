"""Scripts of the user as trials: copied, given values, run, heard, judged, ended."""
