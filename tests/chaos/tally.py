"""Counts of injected and survived faults, and the losses; prints lines at once."""

import sys
from dataclasses import dataclass, field


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass
class Row:
    """Counts of one fault."""

    injected: int = 0
    survived: int = 0
    left_out: list[str] = field(default_factory=list)


class Tally:
    """Counts faults; a loss counts once, for the fault after which it was first found."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.losses: list[tuple[str, str]] = []

    def add(self, name: str, losses: list[str], left_out: str | None = None) -> list[str]:
        """Add the result of a fault and return its new losses."""
        row = self.rows.setdefault(name, Row())
        new = self.note(name, losses)
        if left_out is not None:
            row.left_out.append(left_out)
        else:
            row.injected += 1
            row.survived += not new
        return new

    def note(self, name: str, losses: list[str]) -> list[str]:
        """Add losses and return the new ones."""
        known = {loss for _, loss in self.losses}
        new = [loss for loss in dict.fromkeys(losses) if loss not in known]
        self.losses += [(name, loss) for loss in new]
        return new

    def lines(self) -> list[str]:
        """Return a line for each fault."""
        lines = []
        for name, row in self.rows.items():
            lost = sum(fault == name for fault, _ in self.losses)
            line = f"{name:<46} injected {row.injected:>3}  survived {row.survived:>3}  lost {lost}"
            if row.left_out:
                reasons = "; ".join(dict.fromkeys(row.left_out))
                line += f"  (left out {len(row.left_out)}: {reasons})"
            lines.append(line)
        return lines
