"""The folder that the packages of this project lie in: the root of a checkout."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
