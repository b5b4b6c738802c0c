"""What every package needs: errors, text that may be printed, name suggestions, memory, signals.

Imports nothing of the project.
A new module belongs here only if packages of two layers need it and it knows nothing of fields.
"""
