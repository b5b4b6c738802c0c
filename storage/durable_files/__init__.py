"""Files that survive a crash: atomic, checksummed, bounded, locked.

May import `storage.location`.
What other packages write goes through `atomic`.
"""
