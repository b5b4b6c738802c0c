"""Rules by which the times of a series follow each other."""
