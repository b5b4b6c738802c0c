"""All code that uses Optuna's private names or tables: bulk reading, transactions, the schema.

May import `storage.location`.
An upgrade of Optuna is checked here and nowhere else.
"""
