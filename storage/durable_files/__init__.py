"""Files that survive a crash: private, atomic, checksummed, locked, in folders of one owner.

May import `core`.
What other packages write goes through `atomic`.
"""
