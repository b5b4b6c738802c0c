"""All code that uses Optuna's private names or tables: trials, bulk reads, transactions, views.

May import `storage.location`.
An upgrade of Optuna is checked here and nowhere else.
"""
