"""The core schema of YAML 1.2 by the table of its specification, and words to try it with."""

import math
import re
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

# YAML 1.2.2, section 10.3.2, with the group of each.
SPECIFICATION: list[tuple[str, Callable[[str], Any]]] = [
    (r"null|Null|NULL|~|", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda word: int(word[2:], 8)),
    (r"0x[0-9a-fA-F]+", lambda word: int(word[2:], 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    (r"[-+]?(\.inf|\.Inf|\.INF)", lambda word: -math.inf if word[0] == "-" else math.inf),
    (r"\.nan|\.NaN|\.NAN", lambda _: math.nan),
]
LABEL = re.compile(r"[-+]?0[0-9]+", re.ASCII)
"""Numbers of the specification that are text here."""

WORDS_OF_1_1 = [
    *("y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO"),
    *("on", "On", "ON", "off", "Off", "OFF", "=", "<<"),
    *("010", "-010", "+07", "00", "0x_1F", "0b1010", "1_000", "1_000.5", "6.0_2e23"),
    *("1:30", "190:20:30", "-1:30", "1:30.5", "20:30:00"),
    *("2020-01-01", "2001-99-99", "2020-01-01T00", "2020-01-01T00:00:00Z", "2020-01-01 00:00:00"),
]
"""What YAML 1.1 takes for a boolean, a number, a date or a key of its own, and 1.2 for text."""
OF_BOTH = [
    ("true", True),
    ("TRUE", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("0", 0),
    ("-0", 0),
    ("+5", 5),
    ("12", 12),
    ("0o17", 15),
    ("0x1F", 31),
    ("1e3", 1000.0),
    ("1.", 1.0),
    (".5", 0.5),
    ("01.5", 1.5),
    ("-1.5E+2", -150.0),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("tRUE", "tRUE"),
    ("nULL", "nULL"),
    ("-0x1F", "-0x1F"),
    ("0o8", "0o8"),
    ("+.nan", "+.nan"),
    ("nan", "nan"),
    (".", "."),
    ("1e", "1e"),
    ("\u0661\u0662", "\u0661\u0662"),  # digits, and none of YAML's
]
TEXT_OF_BOTH = {"6.0_2e23", "2020-01-01T00"} | {w for w, value in OF_BOTH if w == value}
PLAIN = st.one_of(
    st.sampled_from([*WORDS_OF_1_1, *(word for word, _ in OF_BOTH)]),
    st.text("0123456789_+-.eExXoOabinfINFT:", max_size=8),
    st.from_regex(r"\A[-+]?[0-9_]{0,4}\.?[0-9_]{0,3}([eE][-+]?[0-9]{1,2})?\Z"),
    *(st.from_regex(rf"\A({pattern})\Z") for pattern, _ in SPECIFICATION),
)


def specified(word: str) -> Any:
    """Return the value of a plain word by the table of the specification."""
    if LABEL.fullmatch(word):
        return word
    for pattern, value in SPECIFICATION:
        if re.fullmatch(pattern, word, re.ASCII):
            return value(word)
    return word


def same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and repr(found) == repr(wanted)


SCRIPT = """
trainer:
  command: [python, train.py]
  given: {gradient_weight: 0.05, country: no}
  baseline: {gradient_weight: 0.0, country: off}
  metrics: m.json
objective: {targets: {gradient: 3.0, peak: 140}}
search:
  presets: baseline
  space:
    gradient_weight: {low: 0.01, high: 10.0, log: true}
    country: {choices: [se, no, dk, 010, 1:30]}
"""
"""A configuration of a study of a script, with words of YAML 1.1."""
