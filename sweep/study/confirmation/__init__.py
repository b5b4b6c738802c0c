"""Confirmation of the best trials: candidates, new seeds, scores on the test split.

May import `sweep.study`.
What is stored of it is in `records`, its sentence is made in `result_in_words`. A trial keeps the
sharpener that the search chose; the baseline under each sharpener is a reference.
"""
