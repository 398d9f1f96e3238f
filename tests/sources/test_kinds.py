"""What can be read as frames, by its extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from seqsave.plugins import registry
from seqsave.sources.kinds import ANIMATED, VIDEOS, readable_extensions

if TYPE_CHECKING:
    import pytest

    from tests.support.site import Site


def test_every_extension_is_of_one_kind() -> None:
    assert readable_extensions() >= ANIMATED
    assert not readable_extensions() & VIDEOS
    assert all(name == name.lower().strip(".") for name in readable_extensions() | VIDEOS)


def test_pillow_reads_the_formats_that_no_encoder_writes() -> None:
    ours = {extension for info in registry.describe_filetypes() for extension in info.spec.extensions}
    pillows = {name.removeprefix(".") for name in Image.registered_extensions()}
    assert readable_extensions() - ours - pillows <= {"avif", "avifs"}  # of which some builds of Pillow lack the codec


def test_a_format_of_a_plugin_is_readable(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "aaa" not in readable_extensions()
    site.format("seqsave-aaa", "aaa")
    monkeypatch.setattr(registry, "_registry", registry.Registry())
    assert "aaa" in readable_extensions()
