"""Figures as files: PNG with fixed colours, SVG whose colours and letters are the page's own.

Matplotlib keeps settings and caches for the whole process, so one figure is drawn at a time.
"""

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fieldsharp.sweep.pictures.style import PAGE, ROLES

DOTS_PER_INCH = 120
QUICKLY = 3
"""How hard a PNG is compressed: at zlib's usual 6 that takes as long as a third of the drawing."""
_DRAWING = threading.RLock()
_COLOUR = re.compile("|".join(getattr(PAGE, role) for role in ROLES))
_VARIABLES = {getattr(PAGE, role): f"var(--{role})" for role in ROLES}
_ID = re.compile(r' id="([^"]+)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]+)')
# A date would make equal pictures differ; the rest names addresses that nobody needs.
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


@contextmanager
def drawing() -> Iterator[None]:
    """Hold what matplotlib keeps for the whole process, from the first line to the last."""
    letters_as_text = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fieldsharp"})
    with _DRAWING, letters_as_text, warnings.catch_warnings():
        # A name in letters that the font lacks is shown as boxes, and is no reason to fail.
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
            pil_kwargs={"compress_level": QUICKLY},
        )
        return buffer.getvalue()


def as_svg(figure: Figure, name: str, title: str) -> str:
    """Return a figure drawn in the style ``PAGE`` as an element of a page.

    Its colours are the page's variables, such as ``--ink``; its letters are text.

    Args:
        figure: What is drawn.
        name: Unique in the page, of letters, digits and hyphens.
        title: What is seen, for those who do not see it; plain text.
    """
    with drawing():
        FigureCanvasSVG(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA, transparent=True)
    whole = buffer.getvalue()
    body = whole[whole.index("<svg") :]
    body = _own_ids(body, name)
    body = _COLOUR.sub(lambda found: _VARIABLES[found[0]], body)
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None, "matplotlib writes one"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0]} role="img" '
        f'aria-labelledby="{name}-title"><title id="{name}-title">{_escaped(title)}</title>{rest}'
    )


def _own_ids(body: str, name: str) -> str:
    """Keep the ids that something refers to, and make them the picture's own in the page."""
    wanted = set(_REFERENCE.findall(body))
    body = _ID.sub(lambda found: f' id="{name}-{found[1]}"' if found[1] in wanted else "", body)
    return body.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'href="#{name}-')


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
