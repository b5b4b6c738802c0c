"""Sweeps on fields that nobody tuned a setting on, each beside the verdict that is right for it.

    make fields                                       # all rows, then the table
    python -m benchmarks.fields --rows showers drift  # some
    python -m benchmarks.fields --short               # four rows in small, as CI runs them
    python -m benchmarks.fields --table               # the table of what is there, as Markdown

``rows`` names each field with its right verdict, ``sources`` makes or finds its file, ``sweeps``
runs ``start`` and ``confirm`` on it, ``results`` is what is kept of that, ``table`` prints it.
To add a field: a row in ``rows``.
"""
