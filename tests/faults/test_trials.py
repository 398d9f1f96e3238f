"""Every fault of the catalogue, tried: no frame is lost or damaged, and every report is true."""

from __future__ import annotations

import sys

import pytest

from tests.faults import disks
from tests.faults.catalogue import FAULTS
from tests.faults.trial import Fault, Lab

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="only on Linux, whose /proc and tmpfs these trials use"),
]


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: f"{one.name}, {one.where}")
def test_nothing_is_lost(one: Fault, lab: Lab, share: float) -> None:
    if one in disks.FAULTS and not disks.can_mount():
        pytest.skip("only on systems where this user may mount a tmpfs")
    trial = one.tried(lab, share)
    assert trial.is_good, "\n".join([str(trial), *trial.trouble])
