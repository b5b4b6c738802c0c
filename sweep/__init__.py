"""The service: commands, sweep engine, executors, studies, dashboard and reports.

May import all other packages.
CONTRIBUTING.md has the order of its packages.
"""

import sys
from inspect import Signature, signature
from types import ModuleType
from typing import Any

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)


class _CallablePackage(ModuleType):
    """This package, which runs a sweep when it is called: see docs/adr/0042."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run a sweep: see ``fieldsharp.sweep.interface.running.sweep``."""
        from fieldsharp.sweep.interface.running import sweep

        return sweep(*arguments, **options)

    @property
    def __signature__(self) -> Signature:
        """The arguments, for help and completion."""
        from fieldsharp.sweep.interface.running import sweep

        return signature(sweep)


sys.modules[__name__].__class__ = _CallablePackage
