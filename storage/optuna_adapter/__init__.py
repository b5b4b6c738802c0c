"""Everything that uses a private name of Optuna's: bulk reading, transactions, the schema.

May import `storage.errors`, `storage.location`.
An upgrade of Optuna is checked here and nowhere else.
"""
