"""Benchmarks: this service beside what a user would take instead, with their results."""
