"""Files of trials: checkpoints, results not yet in the database, previews, output of scripts.

May import `storage.durable_files`, `storage.location`.
A new kind of file has its store here and its path in `sweep/study/files/workspace.py`.
"""
