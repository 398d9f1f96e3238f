"""Attributes of types that the OpenEXR library cannot write: they are kept byte for byte."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import OpenEXR
import readers
from seqsave_exr.codec import ExrEncoder
from seqsave_exr.raw import Raw, with_raw

import seqsave


def plain(compression: str = "ZIP", rows: int = 40) -> bytes:
    file = io.BytesIO()
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"Y": np.random.default_rng(2).random((rows, 30), dtype=np.float32)}).write(file)
    return file.getvalue()


OWN = {
    "opaque": Raw("studio", b"\x01\x02\x03"),
    "envmap": Raw("envmap", b"\0"),
    "latin": Raw("string", b"gr\xfc\xdfe"),
    "a name that is longer than thirty-one bytes": Raw("string", b"x"),
}


def test_a_file_with_more_attributes_has_the_same_picture() -> None:
    for compression in ("ZIP", "NO", "ZIPS", "PIZ"):
        data = plain(compression)
        more = with_raw(data, OWN)
        wanted = ExrEncoder().decode(data, max_pixels=1 << 20).array
        assert np.array_equal(ExrEncoder().decode(more, max_pixels=1 << 20).array, wanted)
        assert np.array_equal(np.asarray(readers.openimageio(more)).reshape(wanted.shape), wanted)
        report = readers.run("exrheader", "{}", data=with_raw(data, {**OWN, "latin": Raw("string", b"x")}))
        assert "opaque (type studio)" in report
        assert "envmap (type envmap): latitude-longitude map" in report
        assert "a name that is longer than thirty-one bytes" in report


def test_attributes_of_any_type_survive_another_compression(tmp_path: Path) -> None:
    (tmp_path / "a.0001.exr").write_bytes(with_raw(plain(), OWN))
    result = seqsave.save(
        seqsave.open_sequence(tmp_path), tmp_path / "out", filetype="exr", options={"compression": "piz"}
    )
    assert result.warnings == ()
    data = (tmp_path / "out" / "a.0001.exr").read_bytes()
    info = ExrEncoder().decode(data, max_pixels=1 << 20).info
    assert {name: info.attributes[name] for name in OWN if name in info.attributes} == {
        **OWN,
        "a name that is longer than thirty-one bytes": "x",
    }
