"""The numbers and the path that identify one frame on its way."""

from __future__ import annotations

import pytest

from seqsave.naming.key import FrameKey


@pytest.mark.parametrize(
    ("path", "folder", "name", "beside"),
    [
        ("frame_00017.png", "", "frame_00017.png", "x.json"),
        ("shots/batch_0003/f_1.png", "shots/batch_0003", "f_1.png", "shots/batch_0003/x.json"),
    ],
)
def test_a_key_knows_its_folder_and_name(path: str, folder: str, name: str, beside: str) -> None:
    key = FrameKey(17, 3, path)
    assert (key.numbers, key.folder, key.name, key.beside("x.json")) == ((17, 3), folder, name, beside)
