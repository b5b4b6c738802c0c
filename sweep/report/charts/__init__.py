"""Charts of a report, as SVG.

May import `sweep.study`.
A new chart is one module here and one line in `report/figures.py`.
"""
