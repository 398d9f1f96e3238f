"""What files state is kept in another format, or named in a warning."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import seqsave

TAGS = {"copyright": "© Studio", "digital_source_type": "trainedAlgorithmicMedia"}


def source(folder: Path, **settings: Any) -> seqsave.FrameSequence:
    frames = np.full((2, 8, 8, 3), 0.5, "float32")
    seqsave.save(frames, folder, color="display-p3", dpi=300, tags=TAGS, **settings)
    return seqsave.open_sequence(folder)


def info_of(folder: Path) -> seqsave.ImageInfo:
    return seqsave.open_sequence(folder)[0].decode().info


@pytest.mark.parametrize("filetype", ["png", "jpg", "png with embedded workflow"])
def test_statements_go_with_the_picture(tmp_path: Path, filetype: str) -> None:
    result = seqsave.save(source(tmp_path / "a"), tmp_path / "b", filetype=filetype, options={})

    found = info_of(tmp_path / "b")
    assert (found.color, found.dpi, found.tags) == (seqsave.COLOR_SPACES["display-p3"], 300, TAGS)
    assert result.warnings == ()


def test_settings_go_before_the_source(tmp_path: Path) -> None:
    sequence = source(tmp_path / "a")
    seqsave.save(sequence, tmp_path / "b", color="srgb", dpi=72, tags={"copyright": "other"})

    found = info_of(tmp_path / "b")
    assert (found.color, found.dpi) == (seqsave.COLOR_SPACES["srgb"], 72)
    assert found.tags == {**TAGS, "copyright": "other"}


@pytest.mark.parametrize("drop", [["color", "tags"], ["color, tags"]])
def test_fields_are_dropped_on_request(tmp_path: Path, drop: list[str]) -> None:
    result = seqsave.save(source(tmp_path / "a"), tmp_path / "b", drop=drop)

    found = info_of(tmp_path / "b")
    assert (found.color, found.icc, found.tags, found.dpi) == (None, None, {}, 300)
    assert result.warnings == ()


def test_a_foreign_profile_is_kept_byte_for_byte(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "a").mkdir()
    for number in range(2):
        Image.new("RGB", (8, 8), (200, 40, 40)).save(tmp_path / "a" / f"img_{number:04}.jpg", icc_profile=profile)

    seqsave.save(seqsave.open_sequence(tmp_path / "a"), tmp_path / "b", filetype="png")

    with Image.open(tmp_path / "b" / "img_0000.png") as saved:
        assert saved.info["icc_profile"] == profile


def test_each_lost_field_is_one_warning(tmp_path: Path) -> None:
    light = {"max_content": 10_000_000}
    info = seqsave.ImageInfo(light=light, rate=Fraction(24), attributes={"reel": "A1"}, attributes_of="exr")
    writer = seqsave.open_writer(tmp_path, filetype="jpg")
    with pytest.warns(seqsave.SeqSaveWarning):
        writer.write(np.zeros((4, 4, 3), "uint8"), info=info)
    with writer:
        for _ in range(2):
            writer.write(np.zeros((4, 4, 3), "uint8"), info=info)

    texts = sorted(writer.result.warnings)
    assert len(texts) == 3
    assert "attributes reel" in texts[0] + texts[1] + texts[2]
    assert all("jpg files do not hold it" in text for text in texts)


@pytest.mark.parametrize("filetype", ["png", "png with embedded workflow"])
def test_an_attribute_that_is_also_a_text_of_the_metadata_is_named_at_most_once(tmp_path: Path, filetype: str) -> None:
    info = seqsave.ImageInfo(attributes={"reel": "A1", "shot": 5}, attributes_of="exr")
    with pytest.warns(seqsave.SeqSaveWarning), seqsave.open_writer(tmp_path, filetype=filetype) as writer:
        writer.write(np.zeros((4, 4, 3), "uint8"), info=info, metadata={"reel": "A1"})

    named = [text for text in writer.result.warnings if "reel" in text]
    assert [("metadata 'reel'" in text) for text in named] == ([] if "embedded" in filetype else [True])
    assert any("attributes shot" in text for text in writer.result.warnings)


def test_channels_and_layers_by_name(tmp_path: Path) -> None:
    info = seqsave.ImageInfo(channels=("R", "G", "B", "Z"))
    picture = np.full((4, 4, 4), (10, 20, 30, 40), "uint8")
    with (
        pytest.warns(seqsave.SeqSaveWarning, match="channels Z"),
        seqsave.open_writer(tmp_path / "colours", filetype="png") as writer,
    ):
        writer.write(picture, info=info)
    with seqsave.open_writer(tmp_path / "depth", filetype="png", channels="Z") as writer:
        writer.write(picture, info=info)

    read = {name: seqsave.open_sequence(tmp_path / name)[0].read()[0, 0].tolist() for name in ("colours", "depth")}
    assert read == {"colours": [10, 20, 30], "depth": [40]}


def test_pictures_without_names_have_the_usual_ones(tmp_path: Path) -> None:
    picture = np.full((4, 4, 3), (10, 20, 30), "uint8")
    with seqsave.open_writer(tmp_path, channels="B") as writer:
        writer.write(picture)
        with pytest.raises(seqsave.ImageError, match="no channel 'B': its channels are Y"):
            writer.write(picture[..., 0])
        with pytest.raises(seqsave.ImageError, match="it has no channels with names"):
            writer.write(np.zeros((4, 4, 7), "uint8"))

    assert seqsave.open_sequence(tmp_path)[0].read()[0, 0].tolist() == [30]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": "R,,B"}, "separated by commas"),
        ({"channels": "R,R"}, "twice"),
        ({"channels": "R", "layer": "a"}, "both given"),
        ({"layer": ""}, "must be the name of a layer"),
        ({"layer": 7}, "must be the name of a layer"),
        ({"drop": ["colour"]}, "did you mean 'color'"),
        ({"drop": "color"}, "must be a list"),
    ],
)
def test_wrong_settings(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(seqsave.SeqSaveError, match=message):
        seqsave.open_writer(tmp_path, **settings)
