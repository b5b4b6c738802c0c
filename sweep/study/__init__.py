"""A study: its trials, records, status and confirmation in the database.

May import `sweep.configuration`, `storage` and all below them; never torch.
What is written to a study is written by `repository`.
"""
