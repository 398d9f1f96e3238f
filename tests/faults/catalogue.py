"""All faults that are tried, in the order of the table."""

from __future__ import annotations

from tests.faults import crowds, disks, kills, servers, spooling
from tests.faults.trial import Fault

__all__ = ["FAULTS"]

FAULTS: tuple[Fault, ...] = (
    *kills.FAULTS,
    *servers.FAULTS,
    *spooling.FAULTS,
    *disks.FAULTS,
    *crowds.FAULTS,
)
