"""Frames that a pattern wrote, under names of any kind, are found by the nodes as seqsave itself finds them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from comfyui_seqsave import host, listing
from comfyui_seqsave.nodes.counters import FrameCounterDirectory
from comfyui_seqsave.nodes.frames import LoadFrames
from comfyui_seqsave.nodes.loader import ImageSequenceLoader
from comfyui_seqsave.objects import FrameCounter
from hypothesis import HealthCheck, given
from hypothesis import settings as rules_of_hypothesis
from tests.sequences.rules import INDICES, rules

import seqsave
from seqsave import naming
from seqsave.testing import outside

_runs = itertools.count()


@rules_of_hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(rules(), INDICES)
def test_the_nodes_see_the_frames_that_a_pattern_wrote(
    folders: host.Folders, rule: naming.NameRule | None, wanted: set[int]
) -> None:
    outside.package("torch", "tox -e comfyui")
    if rule is None:
        return
    folder = f"run{next(_runs)}"
    indices = sorted(wanted)
    try:
        with seqsave.open_writer(Path(folders.output, folder, rule.pattern), filetype="png") as writer:
            for place, index in enumerate(indices):
                writer.write(np.full((2, 2, 3), place, np.uint8), index=index)
    except (seqsave.FrameNameError, seqsave.OptionError):
        return  # a negative number that nothing is put before
    found = listing.frames(folder, "*", "numeric")
    assert sorted(found) == indices
    names = {index: picture.name for index, (picture,) in found.items()}
    assert names == {frame.index: frame.name for frame in seqsave.open_sequence(Path(folders.output, folder))}
    images, _, count = LoadFrames().load(folder, "", -1, 0, 1, "skip")["result"]
    assert count == len(indices)
    assert (255 * images[:, 0, 0, 0]).round().tolist() == list(range(len(indices)))
    (counter,) = FrameCounterDirectory().result(folder, "*", "numeric", 100, 24)
    assert counter.current_frame == max(indices[-1] + 1, 0)
    for place, index in enumerate(indices):
        if index >= 0:  # a counter has no lower number
            image, name = ImageSequenceLoader().result(FrameCounter(index, index + 1, 24), folder, "*", "numeric")
            assert (name, round(255 * float(image[0, 0, 0, 0]))) == (names[index], place)
