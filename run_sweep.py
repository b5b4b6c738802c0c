#!/usr/bin/env python3
"""Command line entry: ``python run_sweep.py --help``."""

import sys

from sweep.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
