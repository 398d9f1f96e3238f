"""Picture files are read as frames: lazily, each time from the beginning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqsave.sources import SourceFrame, open_source
from tests.sources.given import fill, indices, opened
from tests.sources.pictures import encode, picture, png_with_workflow

if TYPE_CHECKING:
    import pytest

    from tests.support.places import Place


def test_reading_twice_gives_the_same(place: Place) -> None:
    fill(place, "frame_00001.png", "frame_00002.png")
    source = opened(place)
    assert indices(source) == indices(source) == [1, 2]


def test_metadata_is_carried_as_it_is(place: Place) -> None:
    text = '{"b": 1,   "a": "gr\\u00fc\\u00df"}'
    place.write("frame_00001.png", png_with_workflow(picture(), text))
    (frame,) = opened(place)
    assert frame.metadata == {"workflow": text}


def test_frames_are_read_ahead_but_not_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        (tmp_path / f"frame_{number:05}.png").write_bytes(encode(picture(number)))
    read: list[str] = []
    original = Path.read_bytes
    from seqsave.targets.local import LocalTarget

    def counted(self: LocalTarget, path: str) -> bytes:
        read.append(path)
        return original(Path(self.url, path))

    monkeypatch.setattr(LocalTarget, "read", counted)
    frames = iter(open_source(str(tmp_path)))
    first: SourceFrame = next(frames)
    assert first.index == 0
    assert len(read) < 60
    frames.close()  # type: ignore[attr-defined]
