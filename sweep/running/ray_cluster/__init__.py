"""Trials on a Ray cluster: what is sent there, what works there, and what is heard of it."""
