"""``verify``: what is wrong with a sequence, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqsave
from seqsave import FrameNameError, open_sequence
from seqsave.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.places import Place


def pictures(count: int, height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def found(url: object, **settings: object) -> dict[str, tuple[int, ...]]:
    """Kind to indices."""
    result = verify(open_sequence(url), **settings)  # type: ignore[arg-type]
    kinds = {finding.kind: result.indices(finding.kind) for finding in result.findings}
    assert result.ok == (not kinds)
    return kinds


def test_a_sound_sequence_on_every_storage(place: Place) -> None:
    seqsave.save(pictures(5), place.url, start=7, storage_options=place.storage_options)
    sequence = open_sequence(place.url, storage_options=place.storage_options)
    result = verify(sequence, deep=True)
    assert (result.ok, result.frames, result.decoded, result.shape) == (True, 5, 5, "8x6, 3 channels, uint8")
    assert verify(sequence).decoded == 0


def test_every_kind_of_damage(tmp_path: Path) -> None:
    seqsave.save(pictures(9), tmp_path)
    (tmp_path / "frame_00001.png").unlink()
    (tmp_path / "frame_00002.png").write_bytes(b"")
    (tmp_path / "frame_3.png").write_bytes((tmp_path / "frame_00003.png").read_bytes())
    whole = (tmp_path / "frame_00004.png").read_bytes()
    (tmp_path / "frame_00004.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "frame_00005.png").write_bytes(b"GIF89a, and no PNG at all")
    seqsave.save(pictures(1, 7, 9), tmp_path, start=6)
    assert found(tmp_path) == {"missing": (1,), "empty": (2,), "duplicate": (3,)}
    assert found(tmp_path, deep=True) == {
        "missing": (1,),
        "empty": (2,),
        "duplicate": (3,),
        "undecodable": (4, 5),
        "size": (6,),
    }
    result = verify(open_sequence(tmp_path), deep=True)
    (size,) = (finding for finding in result.findings if finding.kind == "size")
    assert size.message == "frame_00006.png is 9x7, 3 channels, uint8, most are 8x6, 3 channels, uint8"
    assert all(str(tmp_path) in (finding.url or "") for finding in result.findings if finding.kind != "missing")


def test_what_is_expected(tmp_path: Path) -> None:
    seqsave.save(pictures(3), tmp_path, start=10, step=2)
    assert found(tmp_path) == {"missing": (11, 13)}
    assert found(tmp_path, expected=range(10, 15, 2)) == {}
    assert found(tmp_path, expected=range(8, 19, 2)) == {"missing": (8, 16, 18)}


def test_every_batch_needs_every_frame(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path) as writer:
        for index in range(4):
            writer.write_batch(pictures(3), index=index)
    assert found(tmp_path) == {}
    (tmp_path / "batch_0001" / "frame_00002.png").unlink()
    (tmp_path / "batch_0002" / "frame_00003.png").unlink()
    (missing, last) = verify(open_sequence(tmp_path)).findings
    assert (missing.index, missing.batch, last.index, last.batch) == (2, 1, 3, 2)
    # A frame of an older run beside the folders changes nothing.
    seqsave.save(pictures(1), tmp_path)
    assert found(tmp_path) == {"missing": (2, 3)}


def test_a_stray_number_does_not_fill_the_memory(tmp_path: Path) -> None:
    seqsave.save(pictures(2), tmp_path)
    (tmp_path / "frame_99999999999.png").write_bytes(b"x")
    with pytest.raises(FrameNameError, match="give the range that there should be"):
        verify(open_sequence(tmp_path))
    assert found(tmp_path, expected=range(3)) == {"missing": (2,)}


@settings(max_examples=60, deadline=None)
@given(
    there=st.sets(st.integers(0, 12), min_size=1),
    cut=st.sets(st.integers(0, 12)),
    empty=st.sets(st.integers(0, 12)),
)
def test_it_finds_exactly_what_is_wrong(there: set[int], cut: set[int], empty: set[int]) -> None:
    url = "memory://verify-property"
    fs = __import__("fsspec").filesystem("memory")
    if fs.exists("/verify-property"):
        fs.rm("/verify-property", recursive=True)
    with seqsave.open_writer(url) as writer:
        for index in there:
            writer.write(pictures(1)[0], index=index)
    for index in there & cut:
        path = f"/verify-property/frame_{index:05d}.png"
        fs.pipe(path, fs.cat(path)[:-5])
    for index in there & empty:
        fs.pipe(f"/verify-property/frame_{index:05d}.png", b"")
    kinds = {
        "missing": set(range(min(there), max(there))) - there,
        "empty": there & empty,
        "undecodable": there & cut - empty,
    }
    assert found(url, deep=True) == {kind: tuple(sorted(own)) for kind, own in kinds.items() if own}
