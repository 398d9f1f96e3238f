"""Runs that died: the manifest is corrected only where it is proved that they are gone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

import seqsave
import seqsave.targets
from seqsave import manifest
from tests.manifest.saved import PATH, found, picture
from tests.support.places import Place

pytestmark = pytest.mark.full_with("s3")  # what the storages do alike is tried of each in tests/targets

DYING = """
import os, sys, numpy, seqsave
url, *options = sys.argv[1:]
options = dict(pair.split("=", 1) for pair in options)
writer = seqsave.open_writer(url, storage_options=options, total=4)
for value in range(2):
    writer.write(numpy.full((4, 6, 3), 7, "uint8")).result()
os._exit(9)
"""


def die(place: Place) -> None:
    if place.kind == "memory":
        pytest.skip("only on storages that processes share")
    options = [f"{name}={value}" for name, value in place.storage_options.items()]
    assert subprocess.run([sys.executable, "-c", DYING, place.url, *options], check=False).returncode == 9


def test_what_a_run_that_died_has_replaced_is_seen(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)] * 3, place.url, recipe="r", **settings)
    die(place)
    assert [writer.pid for writer in found(place).writers] != []
    assert not found(place).complete
    result = seqsave.save([picture(2)] * 4, place.url, if_exists="skip", total=4, **settings)
    assert result.counts["skipped"] == 3
    one = found(place)
    assert not one.complete
    assert [frame.index for frame in one.disputed] == [0, 1]
    assert [frame.recipe for frame in one.frames] == [None, None, "r", None]
    seqsave.save([picture(2)] * 4, place.url, if_exists="skip valid", total=4, **settings)
    one = found(place)
    assert one.complete
    assert [frame.checksum is None for frame in one.frames] == [True, True, False, False]


def test_a_run_that_only_skips_makes_up_for_one_that_died(place: Place, settings: dict[str, Any]) -> None:
    die(place)
    seqsave.save([picture(7)] * 2, place.url, start=2, manifest=False, **settings)
    assert seqsave.save([picture()] * 4, place.url, if_exists="skip", **settings).counts["skipped"] == 4
    assert found(place).obstacles() == []
    assert found(place).complete


def test_a_recipe_is_not_believed_of_what_a_run_that_died_replaced(place: Place, settings: dict[str, Any]) -> None:
    seqsave.save([picture(1)] * 4, place.url, recipe="r", **settings)
    die(place)
    again = {"if_exists": "skip same recipe", "recipe": "r", **settings}
    assert seqsave.save([picture(1)] * 4, place.url, **again).counts["saved"] == 2
    assert seqsave.save([picture(1)] * 4, place.url, **again).counts["skipped"] == 4


def test_a_writer_of_another_machine_stays_until_it_is_released(place: Place, settings: dict[str, Any]) -> None:
    from seqsave.sequences.repair import release

    seqsave.save([picture(1)] * 3, place.url, **settings)
    away = manifest.WriterEntry(id="x", host="another machine", pid=os.getpid(), since="2026-11-23T08:00:00Z")
    place.write(PATH, manifest.dump(replace(found(place), complete=False, writers=(away,))))
    seqsave.save([picture(1)] * 3, place.url, if_exists="skip", **settings)
    assert found(place).obstacles() == [f"{away} is changing it"]
    assert not release(seqsave.open_sequence(place.url, **settings)).complete
    seqsave.save([picture(1)] * 3, place.url, if_exists="skip", **settings)
    assert found(place).complete


@pytest.mark.every_day
def test_a_run_that_was_killed_says_what_it_set_out_to_save(place: Place, settings: dict[str, Any]) -> None:
    die(place)
    one = found(place)
    assert one.missing == {None: (range(4),)}
    assert one.run(one.writers[0].id).total == 4  # type: ignore[union-attr]
    seqsave.save([picture(7)], place.url, start=2, **settings)
    one = found(place)
    assert "a run was interrupted or failed: 0 of 4 frames are recorded" in one.obstacles()
    assert not one.complete
