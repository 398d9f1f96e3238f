"""Which module encodes: an extension that is missing, was not built or is too new is never used.

plugins/seqsave-native/tests has what the extension itself does.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from seqsave.encoders.png import native
from seqsave.encoders.png.encoder import PngEncoder
from seqsave.types import FrameInfo


@pytest.fixture(autouse=True)
def looked_up_again() -> Iterator[None]:
    native.native.cache_clear()
    yield
    native.native.cache_clear()


def package(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> types.ModuleType:
    """Install a package whose extension has these attributes; without any, it has no extension."""
    module = types.ModuleType("seqsave_native")
    module.__version__ = "7.1.0"  # type: ignore[attr-defined]
    module.__path__ = []
    monkeypatch.setitem(sys.modules, "seqsave_native", module)
    kernel = types.ModuleType("seqsave_native._kernel")
    vars(kernel).update(attributes)
    monkeypatch.setitem(sys.modules, "seqsave_native._kernel", kernel if attributes else None)
    if attributes:
        module._kernel = kernel  # type: ignore[attr-defined]
    return kernel


def test_it_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seqsave_native", None)
    found = native.native()
    assert found.kernel is None
    assert found.state == "igzip and zlib; seqsave-native is not installed (pip install 'seqsave[fast]')"


def test_it_may_be_installed_without_its_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    package(monkeypatch)
    found = native.native()
    assert found.kernel is None
    assert found.state.startswith("igzip and zlib; seqsave-native is installed without its extension: ")


def test_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    package(monkeypatch, API=native._API + 1, level=lambda: "best")
    found = native.native()
    assert found.kernel is None
    unfit = "seqsave-native 7.1.0 does not fit this version of seqsave"
    assert found.state == f"igzip and zlib; {unfit} (pip install --upgrade 'seqsave[fast]')"


def test_the_right_version_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = package(monkeypatch, API=native._API, level=lambda: "best")
    assert native.native()[:2] == (kernel, "seqsave-native 7.1.0 (best)")
    assert native.kernel() is kernel


class Stream(bytes):
    """What an extension returns."""

    def between(self, head: bytes, tail: bytes) -> bytes:
        return head + self + tail


def test_its_stream_is_the_only_chunk_of_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(1).integers(0, 100, (200, 300, 3), np.uint8)
    usual: list[bytes] = []

    def compressed(given: Any, others: Any) -> Stream:
        assert given is image
        usual.extend(others())
        return Stream(b"".join(usual))

    monkeypatch.setattr(native, "compressed", compressed)
    encoder = PngEncoder()
    data = encoder.encode(image, metadata={"a": "b"}, options={"compression": "fast"}, info=FrameInfo(index=0)).data
    decoded = encoder.decode(bytes(data), max_pixels=1 << 20)
    assert np.array_equal(decoded.array, image)
    assert decoded.metadata == {"a": "b"}
    assert usual


@pytest.mark.parametrize("shape", [(1, 1, 3), (0, 5, 3), (100, 100, 3)])
def test_small_pictures_are_not_given_to_it(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr(native, "kernel", lambda: object())
    assert native.compressed(np.zeros(shape, np.uint8), lambda: [b"usual"]) == [b"usual"]
