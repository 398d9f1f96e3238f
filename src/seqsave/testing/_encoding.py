"""The parts of an encoder's checks: pictures, encoding in this and another process, comparisons, messages."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from seqsave.errors import DecodeError, OptionError
from seqsave.plugins.options import check_options
from seqsave.specs import EncoderSpec
from seqsave.testing import _cases
from seqsave.testing._pictures import difference, noise, smooth
from seqsave.testing._running import as_document, run_child
from seqsave.types import Decoded, Encoded, Encoder, FrameInfo

if TYPE_CHECKING:
    import pytest

    from seqsave.types import ImageArray

__all__ = ["EncoderChecks", "decodes", "excerpt", "expect", "first_change", "is_text", "try_decode"]

_ADVICE = "; a format that keeps less declares lossless=False, or its suite overrides expected()"


class EncoderChecks:
    """The attributes of ``EncoderSuite``, and the methods that its checks share."""

    spec: ClassVar[EncoderSpec]
    declarations: ClassVar[str | None]
    min_psnr: ClassVar[float]
    lossless_options: ClassVar[Mapping[str, Any] | None]
    signature: ClassVar[bytes | None]
    decoders: ClassVar[Mapping[str, Callable[[bytes], Any]]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check once for each value of the arguments that it names."""
        if not isinstance(getattr(self, "spec", None), EncoderSpec):
            raise TypeError(f"{type(self).__name__} needs spec = ..., the seqsave.EncoderSpec to test")
        options = [(name, value) for name, option in self.spec.options.items() for value in _cases.worth_trying(option)]
        exact = [False] if self.lossless_options is None else [False, True]
        floats = [dtype for dtype in self.spec.dtypes if dtype.startswith("float")]
        infos = _cases.infos(self.info())
        cases: dict[str, tuple[list[Any], list[str]]] = {
            "dtype": (list(self.spec.dtypes), list(self.spec.dtypes)),
            "channels": (list(self.spec.channels), [f"{c}ch" for c in self.spec.channels]),
            "float_dtype": (floats, floats),
            "size": (list(_cases.SIZES), [f"{w}x{h}" for w, h in _cases.SIZES]),
            "exact": (exact, ["default", "lossless"][: len(exact)]),
            "info": (list(infos.values()), list(infos)),
            "texts": (list(_cases.TEXTS.values()), list(_cases.TEXTS)),
            "option": (options, [f"{name}={value!r}" for name, value in options]),
        }
        for argument, (values, names) in cases.items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values or [None], ids=names or ["none"])

    def make_encoder(self) -> Encoder:
        """Return a new encoder, created as seqsave creates it."""
        module, _, name = self.spec.encoder.partition(":")
        return cast("Encoder", getattr(importlib.import_module(module), name)())

    def options(self, **given: Any) -> dict[str, Any]:
        """Return every declared option with its default, as an encoder gets them."""
        return {name: option.default for name, option in self.spec.options.items()} | given

    def encode(
        self,
        image: ImageArray,
        encoder: Encoder | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        info: FrameInfo | None = None,
    ) -> Encoded:
        """Encode with a new encoder, without metadata and with default options, unless given."""
        encoder = encoder or self.make_encoder()
        options = self.options() if options is None else options
        return encoder.encode(image, metadata=metadata or {}, options=options, info=info or self.info())

    def info(self) -> FrameInfo:
        """Return the facts about the frame that are passed to the encoder."""
        name = f"frame_00017.{self.spec.extensions[0]}"
        return FrameInfo(index=17, filetype=self.spec.filetype, name=name)

    def read(self, data: bytes) -> Decoded:
        """Read a file of this format back: with the encoder's own ``decode`` unless overridden."""
        encoder = self.make_encoder()
        expect(decodes(encoder), "the encoder has no decode: override read() in this suite with a foreign reader")
        return encoder.decode(data, max_pixels=1 << 24)

    def expected(self, image: ImageArray) -> ImageArray:
        """Return the picture that a reader should get of ``image`` with default options: by default the same.

        For a format that accepts alpha but cannot store it, override it with ``return image[..., :3]``.
        """
        return image

    def picture(self, seed: int = 0, size: tuple[int, int] = (65, 33)) -> ImageArray:
        """Return a picture in the preferred dtype and the largest number of channels."""
        return noise(size, max(self.spec.channels), self.spec.dtypes[0], seed)

    # --- for the checks alone ---

    def _declarations(self) -> str:
        return self.declarations or self.spec.encoder.partition(":")[0].partition(".")[0]

    def _declared(self) -> dict[str, Any]:
        return run_child(action="declarations", module=self._declarations(), encoder=self.spec.encoder)

    def _not_installed(self, answer: Mapping[str, Any]) -> str:
        broken = "; ".join(answer.get("broken") or ["none"])
        return (
            f"file type {self.spec.filetype!r} cannot be saved as installed: {answer['problem']} (broken plugins: "
            f"{broken}). Name {self._declarations()!r} in pyproject.toml under [project.entry-points.seqsave], then "
            "pip install -e ."
        )

    def _refusal(self, name: str, value: object) -> OptionError | None:
        try:
            check_options(self.spec, {name: value})
        except OptionError as error:
            return error
        return None

    def _encoded(self, picture: ImageArray, exact: bool) -> bytes:
        chosen = self.options(**(self.lossless_options or {})) if exact else self.options()
        return bytes(self.encode(picture, options=chosen).data)

    def _encoded_elsewhere(self, picture: ImageArray, texts: Mapping[str, str], info: FrameInfo) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "picture.npy")
            np.save(path, picture)
            answer = run_child(
                action="encode",
                encoder=self.spec.encoder,
                picture=str(path),
                options=self.options(),
                metadata=dict(texts),
                info=as_document(info),
            )
        return bytes.fromhex(answer["data"])

    def _some_texts(self) -> dict[str, str]:
        return dict(_cases.SMALL_TEXTS) if self.spec.metadata == "embed" else {}

    def _kept(self, channels: int, dtype: str) -> ImageArray:
        """Return a picture that is read back unchanged with default options, or near enough."""
        return (noise if self.spec.lossless else smooth)((17, 13), channels, dtype)

    def _pictures(self, exact: bool, dtype: str, channels: int, size: tuple[int, int]) -> list[ImageArray]:
        smooth_one = smooth(size, channels, dtype)
        return [smooth_one, noise(size, channels, dtype)] if exact or self.spec.lossless else [smooth_one]

    def _compare(self, what: str, wanted: ImageArray, got: object, exact: bool = False) -> None:
        bound = None if exact or self.spec.lossless else self.min_psnr
        problem = difference(wanted, got, min_psnr=bound)
        expect(problem is None, f"{what} differs from the encoded one: {problem}{'' if bound else _ADVICE}")


def expect(ok: object, message: str) -> None:
    """Assert with a message, since pytest does not rewrite ``assert`` in an installed library."""
    __tracebackhide__ = True
    if not ok:
        raise AssertionError(message)


def decodes(encoder: Encoder) -> bool:
    return callable(getattr(encoder, "decode", None))


def try_decode(encoder: Encoder, data: bytes, max_pixels: int, what: str = "a sound file") -> Decoded | None:
    """Return the decoded picture; None for a DecodeError. Every other exception fails the check."""
    found = _tried(encoder, data, max_pixels, what)
    return None if isinstance(found, DecodeError) else found


def refused_for(encoder: Encoder, data: bytes, max_pixels: int) -> str:
    """Return the reason of the DecodeError for a file; ``""`` if it is decoded."""
    found = _tried(encoder, data, max_pixels, "a sound file")
    return found.reason if isinstance(found, DecodeError) else ""


def _tried(encoder: Encoder, data: bytes, max_pixels: int, what: str) -> Decoded | DecodeError:
    try:
        return encoder.decode(data, max_pixels=max_pixels)
    except DecodeError as error:
        return error
    except Exception as error:
        raise AssertionError(
            f"{what} raises {type(error).__name__}: {error}; decode must catch it and raise DecodeError"
        ) from error


def is_text(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for item in value.items() for text in item)


def first_change(wanted: bytes, got: bytes) -> str:
    place = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    return f"{len(wanted)} and {len(got)} bytes, differing from byte {place} on"


def excerpt(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 120 else f"{shown[:100]}... ({len(str(text))} characters)"
