"""Confirmation of the best trials: candidates, new seeds, scores on the test split.

May import `sweep.study`.
What is stored of it is in `records`.
"""
