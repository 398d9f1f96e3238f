"""What a folder holds, in words."""

from __future__ import annotations

import pytest

from seqsave import naming
from seqsave.sequences.found import Found, FrameGroup, Item, subframes_message


def groups_of(*names: str) -> list[FrameGroup]:
    return list(naming.group_names((name, Item(name, 1)) for name in names).groups)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found("x", []), ": the folder is empty"),
        (Found("x", [], hidden=[".a_1.png"]), ", only hidden files, which are never frames: .a_1.png"),
        (Found("x", [], files=["b.txt", "a\tb.txt"]), ", only: a\\tb.txt, b.txt; frames are named as frame_00017.png"),
        (Found("x", [], files=["b.txt"], folders=["one", "two"]), ", but folders: one, two"),
        (
            Found("x", [], others=groups_of("s.1.vdb", "s.2.vdb")),
            ", but files with numbers: s.#.vdb; give this pattern",
        ),
        (Found("x", [], others=groups_of("s.1.vdb")), ", only: s.1.vdb; frames are named as"),
    ],
)
def test_what_was_found_instead(found: Found, words: str) -> None:
    assert found.instead().startswith(words)


def test_pictures_without_a_number() -> None:
    assert Found("x", [], files=["cat.PNG", "a\nb.exr", "notes.txt", "clip.mp4"]).unnumbered == ["cat.PNG", "a\\nb.exr"]


def test_parts_of_frames() -> None:
    (group,) = groups_of("s.1001.25.png", "s.1001.75.png", "s.1002.25.png", "s.1002.75.png")
    assert group.has_subframes
    assert subframes_message(group).startswith("s.1001.25.png, s.1001.75.png, ... are parts of frames")


def test_an_item_in_a_batch_folder() -> None:
    assert (Item("a/batch_0001/f_1.png", 1, 1).folder, Item("a/f_1.png", 1).folder) == ("a", "a")
