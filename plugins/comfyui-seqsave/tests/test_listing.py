"""How files are numbered for loaders and counters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from comfyui_seqsave import host, listing
from comfyui_seqsave.access import RefusedError
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

import seqsave
from seqsave import FrameNameError, SeqSaveError
from seqsave.naming import MAX_INDEX

Write = Callable[[str], int]


def touch(folder: str | Path, names: Iterable[str]) -> None:
    for name in names:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def numbered(pattern: str = "*", indexing: str = "numeric", folder: str = "") -> dict[int, list[str]]:
    found = listing.frames(folder, pattern, indexing)
    return {index: [f"{p.folder}/{p.name}" if p.folder else p.name for p in group] for index, group in found.items()}


def test_numeric(folders: host.Folders) -> None:
    touch(folders.output, ["frame_00002.png", "frame_00010.jpg", "v2_frame_7_final.png", "cover.png", "no_ext_5"])
    touch(folders.output, [".hidden_3.png", "log_4.txt", "film_9.webp", "dir_8.png/x.txt", "UPPER_6.PNG"])
    assert numbered() == {
        2: ["frame_00002.png"],
        10: ["frame_00010.jpg"],
        7: ["v2_frame_7_final.png"],
        9: ["film_9.webp"],
        6: ["UPPER_6.PNG"],
    }, "a file without a number has none"


def test_alphabetic_order(folders: host.Folders) -> None:
    touch(folders.output, ["b.png", "a10.png", "a9.png", "C.png", "notes.txt"])
    assert numbered(indexing="alphabetic order") == {0: ["C.png"], 1: ["a10.png"], 2: ["a9.png"], 3: ["b.png"]}


def test_pattern(folders: host.Folders) -> None:
    touch(folders.output, ["a_1.png", "a_2.jpg", "b_3.png", "A_4.png", "[a]_5.png"])
    assert numbered("a_*") == {1: ["a_1.png"], 2: ["a_2.jpg"]}
    assert numbered("*.png") == {1: ["a_1.png"], 3: ["b_3.png"], 4: ["A_4.png"], 5: ["[a]_5.png"]}
    assert numbered("?_3.png") == {3: ["b_3.png"]}
    assert numbered("[[]a]*") == {5: ["[a]_5.png"]}


def test_batches(folders: host.Folders) -> None:
    touch(folders.output, ["frame_1.png", "batch_0010/frame_1.png", "batch_0002/frame_1.png", "batch_0002/frame_2.png"])
    touch(folders.output, ["batch_9999/frame_5.png", "batch_10000/frame_5.png"])
    touch(folders.output, ["batch_3/frame_9.png", "batch_00004/frame_9.png", "other/frame_9.png"])
    assert numbered() == {
        1: ["frame_1.png", "batch_0002/frame_1.png", "batch_0010/frame_1.png"],
        2: ["batch_0002/frame_2.png"],
        5: ["batch_9999/frame_5.png", "batch_10000/frame_5.png"],
    }


def test_nothing_there(folders: host.Folders) -> None:
    assert numbered() == {}
    assert numbered(folder="not/there") == {}


def test_what_a_picture_knows(folders: host.Folders) -> None:
    touch(folders.output, ["batch_0000/frame_1.png"])
    (picture,) = listing.frames("", "*", "numeric")[1]
    assert (picture.name, picture.size, picture.folder) == ("frame_1.png", 22, "batch_0000")
    assert picture.url == f"{folders.output}/batch_0000/frame_1.png"


def test_numbers_that_are_none(folders: host.Folders) -> None:
    touch(folders.output, [f"a_{MAX_INDEX - 1}.png", f"b_{MAX_INDEX}.png", "c_" + "9" * 200 + ".png", "d_٣.png"])
    assert numbered() == {MAX_INDEX - 1: [f"a_{MAX_INDEX - 1}.png"]}


@pytest.mark.parametrize("pattern", ["", "a/b", "../*", "..\\*", "/etc/*", "a" * 256, "*a" * 100_000])
def test_patterns_of_no_file_names(folders: host.Folders, pattern: str) -> None:
    for call in (lambda: listing.check("", pattern), lambda: listing.frames("", pattern, "numeric")):
        with pytest.raises(FrameNameError, match="pattern") as caught:
            call()
        assert len(str(caught.value)) < 500


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(pattern=st.text(max_size=20) | st.text("*?[]!-.a1_", max_size=20))
def test_any_pattern_gives_frames_or_says_why_not(folders: host.Folders, pattern: str) -> None:
    touch(folders.output, ["a_1.png"])
    try:
        found = numbered(pattern)
    except SeqSaveError:
        return
    assert found in ({}, {1: ["a_1.png"]})


def test_links_that_lead_out(folders: host.Folders, tmp_path: Path) -> None:
    touch(tmp_path / "outside", ["secret_5.png"])
    touch(folders.output, ["frame_1.png"])
    Path(folders.output, "batch_0000").symlink_to(tmp_path / "outside")
    with pytest.raises(RefusedError):
        numbered()
    Path(folders.output, "batch_0000").unlink()
    Path(folders.output, "alias_5.png").symlink_to(tmp_path / "outside" / "secret_5.png")
    (picture,) = listing.frames("", "*", "numeric")[5]
    with pytest.raises(RefusedError):
        picture.read()


def test_refused_folders(folders: host.Folders, tmp_path: Path) -> None:
    for call in (lambda: listing.check(str(tmp_path), None), lambda: numbered(folder=str(tmp_path))):
        with pytest.raises(RefusedError):
            call()
    listing.check(None, None)
    listing.check("", "*")


def test_pictures_of_a_configured_folder_and_of_memory(
    folders: host.Folders, write_config: Write, tmp_path: Path
) -> None:
    """Their paths may not be named in a graph, and need not be."""
    import numpy as np

    write_config(f'[targets.disk]\nurl = "{tmp_path}/disk"\n[targets.ram]\nurl = "memory://listing"')
    for name in ("disk", "ram"):
        image = np.full((2, 3, 3), 7, np.uint8)
        seqsave.save([image, image], f"{name}://shot", filetype="png")
        found = listing.frames(f"{name}://shot", "*", "numeric")
        assert list(found) == [0, 1]
        assert (found[1][0].read() == image).all()
    assert found[1][0].url == "ram://shot/frame_00001.png"
    assert listing.frames("disk://shot", "*", "numeric")[1][0].url == f"{tmp_path}/disk/shot/frame_00001.png"


def test_names_that_cannot_be_asked_for_are_left_out(folders: host.Folders, write_config: Write) -> None:
    import fsspec

    write_config('[comfyui]\nallow = ["memory://odd"]')
    fsspec.filesystem("memory").pipe({"/odd/a_1.png": b"x", "/odd/b::c_2.png": b"x", f"/odd/{'9' * 5000}.png": b"x"})
    assert numbered(folder="memory://odd") == {1: ["a_1.png"]}
