"""The state of a study, read once for `status`, `--watch`, dashboard and report.

May import `sweep.study`.
A new figure of the status is a field of `report.StudyStatus`.
"""
