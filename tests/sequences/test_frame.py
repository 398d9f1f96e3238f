"""A frame: it is read, names itself in errors, and travels to other processes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave
from seqsave.sequences.verify import verify
from tests.sequences.placed import fill
from tests.support.places import Place


def test_a_file_that_is_no_picture_names_itself(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.png", "frame_00001.dpx")
    with pytest.raises(seqsave.DecodeError, match=r"frame_00001\.png"):
        seqsave.open_sequence(place.url, filetype="png", **options)[0].read()
    with pytest.raises(seqsave.EncoderNotFoundError, match=r"no encoder here reads \.dpx files"):
        seqsave.open_sequence(f"{place.url}/frame_%05d.dpx", **options)[0].read()


@pytest.mark.parametrize("filetype", ["png", "jpg"])
def test_the_first_bytes_of_a_file_are_a_truncated_picture(filetype: str, tmp_path: Path) -> None:
    seqsave.save([np.zeros((8, 9, 3), np.uint8)] * 2, tmp_path, filetype=filetype, manifest=False)
    path = tmp_path / f"frame_00001.{filetype}"
    data = path.read_bytes()
    for length in range(1, 61):
        path.write_bytes(data[:length])
        sequence = seqsave.open_sequence(tmp_path)
        says = f"{path.name}: the file is truncated: it ends at byte {length}, before its picture does"
        with pytest.raises(seqsave.DecodeError) as caught:
            sequence[1].decode()
        assert str(caught.value).startswith(says)
        (finding,) = verify(sequence, deep=True).findings
        assert finding.kind == "undecodable"
        assert finding.message.startswith(says)


def test_a_decoder_of_a_plugin_that_misbehaves(place: Place, options: dict[str, Any]) -> None:
    fill(place, "frame_00001.odd")
    for encoder, says in (
        ("Breaks", "failed: ZeroDivisionError"),
        ("Exits", "failed: SystemExit: 3"),
        ("GivesNothing", "returned NoneType"),
    ):
        spec = seqsave.EncoderSpec(
            filetype="odd", extensions=("odd",), encoder=f"{__name__}:{encoder}", dtypes=("uint8",)
        )
        seqsave.register_encoder(spec)
        try:
            with pytest.raises(seqsave.DecodeError, match=rf"frame_00001\.odd: the decoder of 'odd' {says}"):
                seqsave.open_sequence(place.url, **options)[0].read()
        finally:
            seqsave.unregister_encoder("odd")


class Breaks:
    def decode(self, data: bytes, *, max_pixels: int) -> Any:
        return 1 / 0


class Exits:
    def decode(self, data: bytes, *, max_pixels: int) -> Any:
        raise SystemExit(3)


class GivesNothing:
    def decode(self, data: bytes, *, max_pixels: int) -> Any:
        return None


def test_sidecars_of_a_long_sequence_cost_one_listing(place: Place, options: dict[str, Any]) -> None:
    seqsave.save([np.zeros((2, 2, 3), np.uint8)] * 5, place.url, metadata={"a": 1}, **options)
    sequence = seqsave.open_sequence(place.url, **options)
    target, asked = sequence[0]._files.target, []
    listed = target.list
    target.list = lambda folder="": asked.append(folder) or listed(folder)  # type: ignore[method-assign]
    assert [frame.read_metadata() for frame in sequence] == [{"a": 1}] * 5
    assert asked == [".seqsave"]


def sum_of(frame: seqsave.Frame) -> int:
    return int(frame.read().sum())


def test_frames_travel_to_spawned_workers(tmp_path: Path) -> None:
    images = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    seqsave.save(images, tmp_path, filetype="png")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(sum_of, seqsave.open_sequence(tmp_path)) == [int(image.sum()) for image in images]
