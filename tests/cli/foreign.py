"""Files of another program that have the name of one that a command makes."""

from __future__ import annotations

import numpy as np

from seqsave import save
from tests.cli.runner import options, seqsave
from tests.support.places import Place

__all__ = ["replaces_only_its_own"]


def replaces_only_its_own(place: Place, command: str, name: str, *named: str) -> None:
    """Check that a command replaces such a file only if it is named. named: what stands before the name."""
    save(np.zeros((2, 32, 32, 3), np.float32), place.url, storage_options=place.storage_options)
    place.write(name, b"of somebody else")
    failed = seqsave(command, place.url, *options(place), "-q", status=1)
    assert f"{name} exists, and seqsave did not make it: it is not replaced" in failed.err
    assert place.read(name) == b"of somebody else"
    for arguments in ([*named, f"{place.url}/{name}"], []):
        seqsave(command, place.url, *arguments, *options(place), "-q")
    assert place.read(name) != b"of somebody else"
