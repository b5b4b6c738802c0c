"""What runs the trials of a configuration on this machine, on its graphics cards if it has any."""

import logging
import os

from model.device import count_cards
from sweep.configuration.settings import SweepConfig
from sweep.running.cards import VISIBLE, visible_cards, words_for_workers, worker_count
from sweep.running.executor import Executor
from sweep.running.local_executor import LocalExecutor

logger = logging.getLogger(__name__)


def make_executor(config: SweepConfig) -> Executor:
    """Return what runs the trials of a configuration; its workers are all free.

    Raises:
        ConfigError: If the device asked for is not there.
    """
    cards = visible_cards(count_cards(config.training), os.environ.get(VISIBLE))
    settings = config.workers
    words = words_for_workers(settings, len(cards))
    if words:
        level = logging.INFO if cards else logging.WARNING
        logger.log(level, "%s: %s", config.study, words)
    return LocalExecutor(worker_count(settings, len(cards)), cards=cards)
