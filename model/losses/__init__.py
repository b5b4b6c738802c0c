"""Training losses, one family a module.

May import `fields` and `core`.
A new loss is one function here and one line in `model/registry.py`.
"""
