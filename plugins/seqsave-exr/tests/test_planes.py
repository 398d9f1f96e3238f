"""Channels of different types in one array, and integers that floats would round."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from seqsave_exr.planes import INTEGERS, KINDS, assembled, taken_apart

import seqsave


def written(path: Path, channels: dict[str, Any]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, dict(channels)).write(str(path))  # a copy, as the library changes the values


def read(path: Path) -> dict[str, Any]:
    file = OpenEXR.File(io.BytesIO(path.read_bytes()), separate_channels=True)
    return {name: one.pixels.copy() for name, one in file.channels().items()}


def test_integers_beyond_single_precision_are_kept_beside_the_array() -> None:
    planes = {"Z": np.full((2, 2), 0.5, np.float32), "id": np.full((2, 2), 2**32 - 1, np.uint32)}
    array, apart = assembled(planes)
    assert apart[KINDS] == {"Z": "float32", "id": "uint32"}
    again = taken_apart(array.astype(np.float32), ("Z", "id"), apart, straight=False)
    assert (again["id"].dtype, again["id"][0, 0]) == (np.uint32, 2**32 - 1)
    changed = array.astype(np.float32)
    changed[0, 0, 1] = 7
    assert taken_apart(changed, ("Z", "id"), apart, straight=False)["id"][0, 0] == 7
    assert INTEGERS not in assembled({"id": planes["id"]})[1]  # nothing rounds it


@pytest.mark.parametrize("number", [7, 5001, 100_000])
def test_a_type_that_is_asked_for_is_that_of_all_floats_and_of_no_id(tmp_path: Path, number: int) -> None:
    kinds = {"B": "float16", "G": "float32", "R": "float16", "id": "uint32"}
    planes = {name: np.full((3, 4), number if name == "id" else 0.1, kind) for name, kind in kinds.items()}
    (tmp_path / "in").mkdir()
    written(tmp_path / "in" / "a_0001.exr", planes)
    source = seqsave.open_sequence(tmp_path / "in")
    for dtype in ("float16", "float32"):
        saved = seqsave.save(source, tmp_path / dtype, dtype=dtype)
        made = read(tmp_path / dtype / "a_0001.exr")
        assert {name: str(one.dtype) for name, one in made.items()} == {**dict.fromkeys("BGR", dtype), "id": "uint32"}
        assert (made["id"] == number).all()
        assert not saved.warnings


@pytest.mark.parametrize("others", [{}, {"R": "float16", "Z": "float32"}])
def test_object_ids_survive_another_compression(tmp_path: Path, others: dict[str, str]) -> None:
    channels = {name: np.full((4, 6), 0.5, dtype) for name, dtype in others.items()}
    channels["id"] = np.arange(2**24, 2**24 + 24, dtype=np.uint32).reshape(4, 6)
    written(tmp_path / "a.0001.exr", channels)
    seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="exr", options={"compression": "piz"})
    found = read(tmp_path / "out" / "a.0001.exr")
    assert {name: plane.dtype.name for name, plane in found.items()} == {**others, "id": "uint32"}
    assert np.array_equal(found["id"], channels["id"])


def test_ids_that_fit_become_16_bits_in_a_png_with_a_warning(tmp_path: Path) -> None:
    written(tmp_path / "a.0001.exr", {"id": np.full((4, 6), 40000, np.uint32)})
    with pytest.warns(seqsave.SeqSaveWarning, match="integers of the type uint32 became 16 bits"):
        seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="png")
    assert (seqsave.open_sequence(tmp_path / "out")[0].read() == 40000).all()


def test_ids_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "a.0001.exr", {"id": np.full((4, 6), 70000, np.uint32)})
    with pytest.raises(seqsave.ImageError, match=r"integers 70000\.\.70000 .* Save it as tif"):
        seqsave.save(seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="png")


def test_types_that_are_none_are_ignored() -> None:
    image = np.zeros((2, 2, 2), np.float32)
    for hints in ({KINDS: 5, INTEGERS: "x"}, {KINDS: {"Z": "blue"}, INTEGERS: {"Z": "x"}}):
        planes = taken_apart(image, ("Y", "Z"), hints, straight=False)
        assert [plane.dtype for plane in planes.values()] == [np.float32, np.float32]
