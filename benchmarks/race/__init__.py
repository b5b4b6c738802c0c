"""A race of searches on tables of trainings, in which all of them know the same.

A table holds what some 300 configurations of one field came to, epoch by epoch. `make_tables`
trains them; the tables themselves come along, so that a race takes no training.
"""
