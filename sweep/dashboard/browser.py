"""Opening the link in a browser without showing it to the other users of the machine."""

import os
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from fieldsharp.core.partial_file import open_new


@contextmanager
def opened_in_browser(link: str) -> Iterator[None]:
    """Have the browser open a link, and clean up at the end.

    The browser is given the address of a file of this user alone, which leads on to the link: what
    a process is started with can be read by everyone.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-dashboard-") as folder:
        file = Path(folder) / "open.html"
        page = (
            '<!DOCTYPE html><meta charset="utf-8"><title>Opening</title>'
            '<meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0; url={escape(link)}">'
            f'<a href="{escape(link)}">Open the dashboard</a>'
        )
        with os.fdopen(open_new(file), "w", encoding="utf-8") as new:
            new.write(page)
        webbrowser.open(file.as_uri())
        yield
