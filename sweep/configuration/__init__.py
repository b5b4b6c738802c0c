"""Settings of a sweep: YAML and `--set`, validated and frozen; the search space.

May import `model.settings`, `objectives.settings`, `fields.settings`.
A new setting is a field with a unit in its description; `make docs` writes its page.
"""
