"""The Python interface: what ``import fieldsharp`` offers to programs and notebooks.

May import everything in `sweep`: commands and interface share the work of the layers below.
A new name is a function or class here, and two lines in `fieldsharp/__init__.py`.
"""
