"""What a check found."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: Stable; scripts may rely on it.
        ok: Whether it is as it should be.
        detail: What was found, one sentence.
        fix: What to do, one sentence; "" where all is well.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""

    def as_json(self) -> dict[str, str | bool]:
        """Return plain values."""
        return asdict(self)


def judged(name: str, detail: str, fix: str, *, ok: bool) -> Check:
    """Return a check that carries its fix only where it fails."""
    return Check(name, ok, detail, "" if ok else fix)
