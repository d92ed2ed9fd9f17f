"""The size of one Cloud Run instance, and which sizes Cloud Run accepts.

`check_size` in `ops/deploy/config.sh` refuses the same sizes before a deployment; a test compares the two. The limits
are from https://docs.cloud.google.com/run/docs/configuring/services/memory-limits and .../services/cpu.
"""

from dataclasses import dataclass
from typing import Final

from predictor.errors import CapacityUnknown

MIN_MEMORY_MIB: Final = 128
MAX_MEMORY_MIB: Final = 32 * 1024
MIN_CPU: Final = 0.08

_MEMORY_MIB: Final = {1: (128, 4096), 2: (128, 8192), 4: (2048, 16384), 6: (4096, 24576), 8: (4096, MAX_MEMORY_MIB)}
"""Least and most memory by whole vCPUs; there is no other whole number of them."""
_FRACTION_MEMORY_MIB: Final = ((0.5, 512), (1.0, 1024))
"""Most memory of an instance with less than so many vCPUs."""


@dataclass(frozen=True, slots=True)
class Instance:
    """The size of one instance; `concurrency` is how many requests it takes at a time."""

    cpu: float
    memory_mib: int
    concurrency: int

    def check(self) -> None:
        """Raise `CapacityUnknown` for a size that Cloud Run refuses."""
        if self.cpu < 1:
            if round(self.cpu, 3) != self.cpu:
                raise CapacityUnknown(f"{self.cpu:g} vCPU", "Cloud Run takes less than 1 vCPU in steps of 0.001")
            if self.concurrency != 1:
                raise CapacityUnknown(
                    f"{self.cpu:g} vCPU with concurrency {self.concurrency}",
                    "Cloud Run takes less than 1 vCPU only with concurrency 1",
                )
            least = MIN_MEMORY_MIB
            most = next(most for below, most in _FRACTION_MEMORY_MIB if self.cpu < below)
        elif self.cpu in _MEMORY_MIB:
            least, most = _MEMORY_MIB[int(self.cpu)]
        else:
            counts = ", ".join(map(str, _MEMORY_MIB))
            raise CapacityUnknown(f"{self.cpu:g} vCPU", f"Cloud Run takes {counts} vCPUs, or {MIN_CPU:g} to under 1")
        if not least <= self.memory_mib <= most:
            raise CapacityUnknown(
                f"{self.memory_mib} MiB with {self.cpu:g} vCPU",
                f"with so many vCPUs Cloud Run takes {least} to {most} MiB",
            )
