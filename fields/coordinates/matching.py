"""Whether two coordinates are the same, up to the rounding of files."""

import numpy as np
import numpy.typing as npt


def same_coordinate(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> bool:
    """Return whether two coordinates agree to a thousandth of their spacing."""
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if a.shape != b.shape:
        return False
    spacing = float(np.abs(np.diff(a)).min()) if a.size > 1 else 1.0
    return bool(np.allclose(a, b, rtol=0.0, atol=1e-3 * spacing))
