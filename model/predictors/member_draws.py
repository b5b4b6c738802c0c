"""The random numbers that members are made of: a member's own, whatever else is forecast with it.

Shape legend: B sample, K member.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class MemberDraws:
    """Which members are drawn, of the forecasts of which times.

    Attributes:
        seed: Of all of them.
        members: Their numbers, as many as are drawn of each sample.
        times_B: A number for the initial time of each sample.
    """

    seed: int
    members: Sequence[int]
    times_B: Sequence[int]

    def generators(self) -> list[torch.Generator]:
        """Return the generators of all members of the first sample, then of the next.

        Each depends on seed, member and initial time alone: not on the batch, nor on how many
        members are drawn. On the CPU, so that they are the same whatever the device.
        """
        return [
            torch.Generator().manual_seed(_hash(self.seed, member, time))
            for time in self.times_B
            for member in self.members
        ]


def _hash(*numbers: int) -> int:
    """Return a number from which neighbouring seeds, members and times cannot be told."""
    text = "/".join(map(str, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "little")
