"""Settings about all frames, in the files and beside them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import seqsave
from tests.support.needs import needs_package
from tests.writer.pictures import GREY, save

GRAPH = {
    "prompt": {"9": {"class_type": "Cloud", "inputs": {"api_key": "sk-live-0123456789", "scale": 2}}},
    "workflow": {"nodes": [{"id": 1, "type": "Note", "widgets_values": ["call Ada"]}]},
}


def texts(path: Path) -> dict[str, str]:
    """Return the texts of the file, as Pillow reads them."""
    with Image.open(path) as picture:
        return {name: text for name, text in picture.info.items() if isinstance(text, str) and "xmp" not in name}


def sidecars(folder: Path) -> list[str]:
    return sorted(path.name.split(".")[-2] for path in (folder / ".seqsave").glob("frame_*.json"))


@pytest.mark.parametrize(
    ("where", "inside", "beside"),
    [
        ("each frame", [{"shot": "7"}] * 3, []),
        ("first frame", [{"shot": "7"}, {}, {}], []),
        ("sidecar", [{}] * 3, ["shot"]),
        ("none", [{}] * 3, []),
    ],
)
def test_metadata_goes_where_it_was_sent(tmp_path: Path, where: Any, inside: Any, beside: Any) -> None:
    result = save(tmp_path, metadata_in=where, start=5)
    assert [texts(Path(url)) for url in result.urls] == inside
    assert sidecars(tmp_path) == beside
    manifest = json.loads((tmp_path / ".seqsave/frame.png.json").read_text())
    assert manifest["metadata"] == ({} if where == "none" else {"shot": 7})
    if where != "none":
        assert seqsave.open_sequence(tmp_path)[0].read_metadata() == {"shot": 7}


@pytest.mark.parametrize("where", ["first frame", "sidecar"])
def test_a_frames_own_metadata_goes_with_it(tmp_path: Path, where: Any) -> None:
    with seqsave.open_writer(tmp_path, metadata={"shot": 7}, metadata_in=where) as writer:
        for seed in (1, 2):
            writer.write(GREY, metadata={"seed": seed})
    read = [frame.read_metadata() for frame in seqsave.open_sequence(tmp_path)]
    assert read == [{"shot": 7, "seed": 1}, {"seed": 2}]


def test_a_plain_png_holds_nothing_and_its_manifest_neither(tmp_path: Path) -> None:
    with pytest.warns(seqsave.SeqSaveWarning, match="metadata 'shot' is not saved"):
        save(tmp_path, filetype="png")
    assert texts(tmp_path / "frame_00000.png") == {}
    assert b"shot" not in (tmp_path / ".seqsave/frame.png.json").read_bytes()


def test_what_is_withheld_is_in_no_file(tmp_path: Path) -> None:
    with seqsave.open_writer(tmp_path, metadata=GRAPH, withhold=["*.api_key", "Note"]) as writer:
        writer.write(GREY)
        writer.write(GREY, metadata=GRAPH)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-live" not in written
    assert b"Ada" not in written
    assert b"scale" in written


def test_sixteen_bits_and_what_they_mean(tmp_path: Path) -> None:
    seqsave.save([GREY] * 2, tmp_path, dtype="uint16", color="display-p3", dpi=300, tags={"artist": "Ada"})
    data = (tmp_path / "frame_00001.png").read_bytes()
    assert seqsave.open_sequence(tmp_path)[1].read()[0, 0].tolist() == [32768] * 3
    assert b"cICP" in data
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert picture.getexif()[0x013B] == "Ada"


@pytest.mark.parametrize(
    ("picture", "settings", "level", "states_srgb"),
    [
        (GREY, {}, 187, True),  # 0.5 of light is 0.735 in sRGB
        (GREY, {"dtype": "uint16"}, 32768, False),
        (GREY, {"convert_to": "linear-srgb"}, 127, False),
        ((GREY * 255).astype("uint8"), {}, 127, False),
    ],
)
def test_color_describes_the_values_that_are_passed(
    tmp_path: Path, picture: Any, settings: Any, level: int, states_srgb: bool
) -> None:
    seqsave.save([picture] * 2, tmp_path, color="linear-srgb", **settings)
    data = (tmp_path / "frame_00001.png").read_bytes()
    assert seqsave.open_sequence(tmp_path)[1].read()[0, 0].tolist() == [level] * 3
    with Image.open(io.BytesIO(data)) as seen:
        assert ("srgb" in seen.info) == states_srgb
        assert (seen.info.get("gamma") == 1.0) != states_srgb


def test_colours_are_converted_and_losses_reported(tmp_path: Path) -> None:
    needs_package("PyOpenColorIO", "pip install opencolorio")
    bright = GREY * 4
    with pytest.warns(seqsave.SeqSaveWarning, match="frame 0: values outside 0..1 were clipped"):
        seqsave.save([GREY, bright][::-1], tmp_path, color="linear-srgb", convert_to="srgb")
    assert seqsave.open_sequence(tmp_path)[1].read()[0, 0].tolist() == [187] * 3  # 0.73536 of 255, cut off


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metadata_in": "first"}, "did you mean 'first frame'"),
        ({"dpi": 0}, "pixels per inch"),
        ({"dpi": "300"}, "pixels per inch"),
        ({"dtype": "float32"}, "'png' takes uint8, uint16"),
        ({"color": "p3"}, "color is 'p3'"),
        ({"preview": "gif"}, "mp4 or webm"),
        ({"tags": {"author": "x"}}, "'author' is not known"),
        ({"withhold": "Note"}, "list of patterns"),
    ],
)
def test_nonsense_is_reported_before_anything_is_written(tmp_path: Path, settings: Any, message: str) -> None:
    with pytest.raises((seqsave.OptionError, seqsave.MetadataError), match=message):
        seqsave.open_writer(tmp_path, **settings)
    assert list(tmp_path.iterdir()) == []
