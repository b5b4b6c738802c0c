"""Starts the process that has loaded torch: checks and workers are forked from it.

It loads torch while this process imports what it needs itself. So this module imports little.
"""

import logging
import sys
from typing import TYPE_CHECKING

from fieldsharp.sweep.execution.local.forked_process import MODULES, ForkServer, can_fork

if TYPE_CHECKING:
    from fieldsharp.sweep.configuration.settings import SweepConfig

logger = logging.getLogger(__name__)
CHECKS = "fieldsharp.sweep.engine.preflight"


def start_torch_server(config: "SweepConfig") -> ForkServer | None:
    """Start the process; None where checks run in this one, and workers need no torch here.

    Workers are on other machines, or forks are not safe, or this process has torch already.
    """
    if config.executor != "local" or "torch" in sys.modules or not can_fork():
        return None
    try:
        return ForkServer((CHECKS, *MODULES))
    except OSError as error:
        logger.debug("no process to fork from can be started: %s", error)
        return None
