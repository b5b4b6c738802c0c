"""The service: commands, sweep engine, executors, studies, dashboard and reports.

May import all other packages.
CONTRIBUTING.md has the order of its packages.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
