"""Files of a study next to its database.

May import `storage`.
A new kind of file gets its place in `workspace`.
"""
