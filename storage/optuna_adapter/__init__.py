"""Everything that uses private names of Optuna: trials, transactions, bulk reads, views, schema.

May import `storage.location`.
An upgrade of Optuna is checked here and nowhere else.
"""
