"""A study: its trials, records, status and confirmation in the database.

May import `sweep.configuration`, `storage` and all below them; never torch.
Only `repository` writes trials; a new stored attribute gets its name in `trial_records`.
"""
