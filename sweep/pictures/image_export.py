"""Figures as PNG with fixed colours, or as SVG with the colours and fonts of the page.

Matplotlib has settings and caches for the whole process, so one figure is drawn at a time.
"""

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.style import PAGE, ROLES

DOTS_PER_INCH = 120
COMPRESSION = 3
"""zlib's level for PNG: at its default, 6, compression takes a third of the time of drawing."""
_LOCK = threading.RLock()
_COLOUR = re.compile("|".join(getattr(PAGE, role) for role in ROLES))
_VARIABLES = {getattr(PAGE, role): f"var(--{role})" for role in ROLES}
_ID = re.compile(r' id="([^"]+)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]+)')
# A date would make equal pictures differ; the rest is URLs of no use.
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@contextmanager
def drawing() -> Iterator[None]:
    """Lock matplotlib's process-wide state and settings while a figure is drawn."""
    text_as_text = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fieldsharp"})
    with _LOCK, text_as_text, warnings.catch_warnings():
        # Characters that the font lacks are drawn as boxes, with a warning.
        warnings.simplefilter("ignore", UserWarning)
        yield


def as_png(figure: Figure, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """Return a figure as a PNG."""
    with drawing():
        FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        figure.savefig(
            buffer,
            format="png",
            dpi=dots_per_inch,
            metadata={"Software": None},
            pil_kwargs={"compress_level": COMPRESSION},
        )
        return buffer.getvalue()


def as_svg(figure: Figure, name: str, title: str) -> str:
    """Return a figure drawn in the style ``PAGE`` as an SVG element of a page.

    Its colours are CSS variables of the page, such as ``--ink``; its letters are text. ``name`` is
    unique in the page, of letters, digits and hyphens; ``title`` is the alternative text.
    """
    with drawing():
        FigureCanvasSVG(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA, transparent=True)
    document = buffer.getvalue()
    body = _with_unique_ids(document[document.index("<svg") :], name)
    body = _COLOUR.sub(lambda match: _VARIABLES[match[0]], body)
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None, "matplotlib writes one"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0]} role="img" '
        f'aria-labelledby="{name}-title"><title id="{name}-title">{escape(title, quote=False)}'
        f"</title>{rest}"
    )


def _with_unique_ids(body: str, name: str) -> str:
    """Remove ids without a reference, and prefix the others so that they are unique in the page."""
    referenced = set(_REFERENCE.findall(body))
    body = _ID.sub(lambda id_: f' id="{name}-{id_[1]}"' if id_[1] in referenced else "", body)
    return body.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'href="#{name}-')
