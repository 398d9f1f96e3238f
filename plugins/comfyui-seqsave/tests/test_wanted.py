"""From a saver's widgets to seqsave's settings."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from comfyui_seqsave import host, wanted
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import seqsave

Write = Callable[[str], int]


def asked(filetype: str = "png with embedded workflow", options: str = "", **picture: Any) -> wanted.Wanted:
    return wanted.of(filetype=filetype, options=options, picture=picture)


def test_nothing_is_wanted_at_first(folders: host.Folders) -> None:
    found = asked()
    unknown = asked(**dict.fromkeys(wanted.PICTURE))
    assert found.settings == unknown.settings == asked(**wanted.PICTURE).settings
    assert found.preview is None
    assert {name: value for name, value in found.settings.items() if value} == {
        "filetype": ["png with embedded workflow"],
        "prefix": "frame",
        "digits": 5,
        "metadata_in": "each frame",
    }
    assert unknown.preview is None


def test_all_of_it(folders: host.Folders, write_config: Write) -> None:
    write_config('[comfyui]\nwithhold = ["Note"]')
    found = asked(
        options="quality=92",
        also_as="jpg",
        dtype="uint16",
        color="srgb",
        convert_to="display-p3",
        dpi=72.0,
        tags="artist=Ada, Countess; copyright = 2026\ndigital_source_type=trainedAlgorithmicMedia;",
        metadata_in="first frame",
        withhold="*.api_key, Load Image.image",
        preview="webm",
    )
    assert found.settings == {
        "filetype": ["png with embedded workflow", "jpg"],
        "prefix": "frame",
        "digits": 5,
        "options": {"quality": "92"},
        "dtype": "uint16",
        "color": "srgb",
        "convert_to": "display-p3",
        "metadata": None,
        "metadata_in": "first frame",
        "withhold": ["Note", "*.api_key", "Load Image.image"],
        "rate": None,
        "dpi": 72.0,
        "tags": {
            "artist": "Ada, Countess",
            "copyright": "2026",
            "digital_source_type": "trainedAlgorithmicMedia",
        },
        "proxies": False,
    }
    assert found.preview == "webm"
    assert [form.rule.extension for form in found.formats] == ["png", "jpg"]


def test_each_setting_is_one_of_the_writers(folders: host.Folders) -> None:
    with seqsave.open_writer(folders.output, **asked().settings) as writer:
        assert writer.result.frames == ()


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("  \n ,, ", {}),
        ("quality=92", {"quality": "92"}),
        (" quality = 92 ,,", {"quality": "92"}),
        ("jpg.quality=92\nsubsampling=4:2:0", {"jpg.quality": "92", "subsampling": "4:2:0"}),
    ],
)
def test_options(folders: host.Folders, text: str, options: dict[str, str]) -> None:
    assert asked("jpg", text).settings["options"] == options


@pytest.mark.parametrize(
    ("given", "stated"),
    [
        ({"options": "compression"}, "options: 'compression' is not NAME=VALUE"),
        ({"options": "=92"}, "not NAME=VALUE"),
        ({"options": "quality="}, "not NAME=VALUE"),
        ({"options": "x" * 3000}, "3000 characters"),
        ({"options": "quality=92"}, "no option 'quality'"),
        ({"also_as": "png"}, r"two that write \.png"),
        ({"also_as": "jpg", "options": "speed=1"}, "has an option 'speed'"),
        ({"filetype": "jpg", "dtype": "uint16"}, "takes uint8"),
        ({"convert_to": "acescg"}, "give color as well"),
        ({"color": "sRGB"}, "did you mean 'srgb'"),
        ({"tags": "artist"}, "tags: 'artist' is not NAME=VALUE"),
        ({"tags": "autor=Ada"}, "artist"),
        ({"tags": "digital_source_type=ai"}, "trainedAlgorithmicMedia"),
        ({"withhold": "."}, "withhold is"),
        ({"dpi": 0.5}, "dpi is 0.5"),
        ({"preview": "gif"}, "mp4"),
    ],
)
def test_nonsense_is_reported(folders: host.Folders, given: dict[str, Any], stated: str) -> None:
    with pytest.raises(seqsave.SeqSaveError, match=stated):
        asked(**given)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=50), st.sampled_from(["options", "tags", "withhold"]))
def test_any_text_is_taken_or_refused(folders: host.Folders, text: str, widget: str) -> None:
    with contextlib.suppress(seqsave.SeqSaveError):
        asked(**{widget: text})


def test_how_wide_values_are(folders: host.Folders) -> None:
    assert asked("png").width == 1
    assert asked("png", dtype="uint16").width == 2
    assert asked("png", also_as="jpg").width == 2


def test_metadata(folders: host.Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted.metadata_of(None, None) == {}
    assert wanted.metadata_of({"1": 2}, None) == {"prompt": {"1": 2}}
    assert wanted.metadata_of({"1": 2}, {"workflow": 3, "x": 4}) == {"workflow": 3, "x": 4, "prompt": {"1": 2}}
    assert wanted.metadata_of(None, ["odd"]) == {}
    from comfy import cli_args

    monkeypatch.setattr(cli_args.args, "disable_metadata", True)
    assert wanted.metadata_of({"1": 2}, {"workflow": 3}) == {}
