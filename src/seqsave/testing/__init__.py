"""The kit with which a plugin's author proves an encoder: a class of pytest tests to inherit from.

In a test file of the plugin::

    from seqsave.testing import EncoderSuite
    from seqsave_exr import EXR

    class TestExr(EncoderSuite):
        spec = EXR

That is all that must be there. Each check is a method of its own, runs on the kit's own pictures and compares with
the kit's own code. A check that cannot apply to a format is switched off by name, with a reason beside it:
``test_truncated_data = None  # the format has no length``.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from seqsave.errors import DecodeError, OptionError
from seqsave.options import check_options
from seqsave.testing import _child, _declaration
from seqsave.testing._pictures import difference, noise, smooth
from seqsave.types import Decoded, Encoded, Encoder, EncoderSpec, FrameInfo, Option

if TYPE_CHECKING:
    import pytest

    from seqsave.types import ImageArray

__all__ = ["EncoderSuite"]

# One pixel, one row, one column, odd sides, sides just past the blocks of 8, 16 and 64 pixels that codecs work in.
SIZES = ((1, 1), (7, 1), (1, 7), (17, 13), (65, 33))
THREADS = 8

_LONG_WORKFLOW = json.dumps({"nodes": [{"id": n, "type": "KSampler", "pos": [n * 10.5, -n]} for n in range(1800)]})
_ANY_JSON: dict[str, object] = {
    "null": None,
    "truth": True,
    "number": -1.5e300,
    "empty": "",
    "list": [],
    "nested": [{"a": [{}]}],
    "escapes": 'quote " backslash \\ newline \n tab \t nul \0 e\u0301',
}
_EMOJI = json.dumps({"text": "\U0001f3ac \u00e9 \u65e5\u672c"}, ensure_ascii=False)
_SMALL = {"prompt": '{"3": {"class_type": "KSampler"}}', "workflow": '{"nodes": [], "version": 0.4}'}
_TEXTS: dict[str, dict[str, str]] = {
    "prompt and workflow": _SMALL,
    "any JSON": {name: json.dumps(value) for name, value in _ANY_JSON.items()},
    "emoji": {"prompt": _EMOJI, "workflow": '"\\ud83c\\udfac"'},
    "100 KB workflow": {"workflow": _LONG_WORKFLOW, "prompt": "{}"},
    "many names": {f"key_{n:02d}": f'"{n}"' for n in range(40)},
    "names": {"with space": "1", "with: colon": "2", "\u00fcmlaut": "3", "\U0001f3ac": "4", "long" * 40: "5"},
    "verbatim": {"note": "no JSON: two\nlines, \ttab, trailing space "},
}
_NOT_THIS_FORMAT = (
    b"",
    b"\0" * 1000,
    b"not a picture at all",
    bytes(range(256)) * 4,
    b"\x89PNG\r\n\x1a\n" + b"\xff" * 99,
)


class EncoderSuite:
    """Everything that an encoder promises, as tests. Inherit in a class whose name starts with ``Test``.

    spec:             the declaration to prove. The only one that must be set.
    declarations:     the module that implements the hook; by default the package in which the encoder lies.
    min_psnr:         when ``spec.lossless`` is False: how near, in dB, a smooth picture must come back with the default
                      options.
    lossless_options: options that make a lossy format exact; the round trips then run with them as well.
    signature:        a regular expression (bytes) for the beginning of each file; known for common extensions.
    decoders:         readers that you did not write, by name: bytes in, array H,W or H,W,C in the encoded dtype out.
                      A reader that cannot take a certain picture calls ``pytest.skip``.

    A format that cannot be read back has no ``decode`` in its encoder; override ``read`` with a foreign reader. One
    that cannot hold all that it takes (JPEG and alpha) overrides ``expected``.
    """

    spec: ClassVar[EncoderSpec]
    declarations: ClassVar[str | None] = None
    min_psnr: ClassVar[float] = 40.0
    lossless_options: ClassVar[Mapping[str, Any] | None] = None
    signature: ClassVar[bytes | None] = None
    decoders: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {}

    # --- what the checks are made of ------------------------------------------------------------------------------

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check once for each value of the arguments that it names."""
        if not isinstance(getattr(self, "spec", None), EncoderSpec):
            raise TypeError(f"{type(self).__name__} needs spec = ..., the seqsave.EncoderSpec that it proves")
        options = [(name, value) for name, option in self.spec.options.items() for value in _worth_trying(option)]
        exact = [False] if self.lossless_options is None else [False, True]
        cases: dict[str, tuple[list[Any], list[str]]] = {
            "dtype": (list(self.spec.dtypes), list(self.spec.dtypes)),
            "channels": (list(self.spec.channels), [f"{c}ch" for c in self.spec.channels]),
            "size": (list(SIZES), [f"{w}x{h}" for w, h in SIZES]),
            "exact": (exact, ["default", "lossless"][: len(exact)]),
            "texts": (list(_TEXTS.values()), list(_TEXTS)),
            "option": (options, [f"{name}={value!r}" for name, value in options]),
        }
        for argument, (values, names) in cases.items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values or [None], ids=names or ["none"])

    def make_encoder(self) -> Encoder:
        """A new encoder, made as seqsave makes it."""
        module, _, name = self.spec.encoder.partition(":")
        return cast("Encoder", getattr(importlib.import_module(module), name)())

    def options(self, **given: Any) -> dict[str, Any]:
        """Every declared option with its default, as an encoder gets them."""
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
        """The frame that the encoder is told it is looking at."""
        name = f"frame_00017.{self.spec.extensions[0]}"
        return FrameInfo(index=17, filetype=self.spec.filetype, name=name)

    def read(self, data: bytes) -> Decoded:
        """Read a file of this format back: with the encoder's own ``decode`` unless overridden."""
        encoder = self.make_encoder()
        _expect(_decodes(encoder), "the encoder has no decode: override read() in this suite with a foreign reader")
        return encoder.decode(data, max_pixels=1 << 24)

    def expected(self, image: ImageArray) -> ImageArray:
        """What a reader should see of ``image`` with default options: the picture itself unless overridden.

        For a format that takes alpha and cannot hold it, say: ``return image[..., :3]``.
        """
        return image

    def picture(self, seed: int = 0, size: tuple[int, int] = (65, 33)) -> ImageArray:
        """A picture in the preferred dtype and the largest number of channels."""
        return noise(size, max(self.spec.channels), self.spec.dtypes[0], seed)

    # --- the declaration ------------------------------------------------------------------------------------------

    def test_declaration(self) -> None:
        """Types, names, extensions, dtypes and options make sense."""
        problems = _declaration.problems(self.spec)
        unknown = sorted(set(self.lossless_options or {}) - set(self.spec.options))
        if unknown:
            problems.append(f"lossless_options of this suite: {unknown} are not declared")
        _expect(not problems, "the declaration is not sound:\n- " + "\n- ".join(problems))

    def test_declarations_import_nothing_heavy(self) -> None:
        """Naming the format costs next to nothing: its module imports the standard library and seqsave only."""
        heavy = self._declared()["heavy"]
        _expect(
            not heavy, f"importing {self._declarations()} also imports {', '.join(heavy)}: import them in the codec"
        )

    def test_hook_returns_the_declaration(self) -> None:
        """The module implements ``seqsave_encoders`` and the list that it returns holds this declaration."""
        answer, module = self._declared(), self._declarations()
        _expect(answer["hook"], f"{module} has no function seqsave_encoders")
        _expect(answer["marked"], f"seqsave_encoders in {module} has no @seqsave.hookimpl in front of it")
        _expect(answer["list"], f"seqsave_encoders in {module} returns {answer['specs']}: it must be a list")
        _expect(repr(self.spec) in answer["specs"], f"seqsave_encoders in {module} does not return this suite's spec")

    # --- pixels ---------------------------------------------------------------------------------------------------

    def test_result(self) -> None:
        """``encode`` and ``decode`` return the records, filled with what they promise."""
        encoded = self.encode(self.picture())
        _expect(isinstance(encoded, Encoded), f"encode returned {type(encoded).__name__}, not seqsave.Encoded")
        is_bytes = isinstance(encoded.data, bytes | bytearray | memoryview)
        _expect(is_bytes and len(encoded.data) > 0, "Encoded.data must be bytes, and not empty")
        _expect(_is_text(encoded.leftover), "Encoded.leftover must map text to text")
        told = isinstance(encoded.warnings, tuple) and all(isinstance(line, str) for line in encoded.warnings)
        _expect(told, "Encoded.warnings must be a tuple of text")
        decoded = self.read(bytes(encoded.data))
        _expect(isinstance(decoded, Decoded), f"decode returned {type(decoded).__name__}, not seqsave.Decoded")
        _expect(_is_text(decoded.metadata), "Decoded.metadata must map text to text")

    def test_round_trip(self, exact: bool, dtype: str, channels: int, size: tuple[int, int]) -> None:
        """What is read back is what was encoded: exactly, or as near as ``min_psnr`` when the format is lossy."""
        for picture in self._pictures(exact, dtype, channels, size):
            got = self.read(self._encoded(picture, exact)).array
            self._compare("the picture that is read back", self.expected(picture), got, exact)

    def test_foreign_decoders(self, exact: bool, dtype: str, channels: int) -> None:
        """Programs that the author did not write see the same picture."""
        for name, decode in self.decoders.items():
            for picture in self._pictures(exact, dtype, channels, (65, 33)):
                got = np.asarray(decode(self._encoded(picture, exact)))
                got = got.reshape(*got.shape[:2], -1)
                self._compare(f"the picture as {name} reads it", self.expected(picture), got, exact)

    def test_frame_info(self) -> None:
        """The least and the most that an encoder may be told about a frame are both fine."""
        for info in (
            FrameInfo(index=0),
            replace(self.info(), index=2**40, batch=3, total=240, rate=Fraction(24000, 1001), prefix="shots/\u00fc 1"),
        ):
            self.read(bytes(self.encode(self.picture(), info=info).data))

    def test_signature(self, dtype: str, channels: int) -> None:
        """Each file starts as files of its format do, so that other programs know it."""
        data = bytes(self.encode(noise((17, 13), channels, dtype)).data)
        problem = _declaration.signature_problem(self.spec.extensions[0], data, self.signature)
        _expect(problem is None, f"{problem}; the file starts with {data[:16]!r}")

    def test_deterministic(self) -> None:
        """A file depends on the picture alone: not on the time, the process, or earlier frames."""
        picture, texts = self.picture(), self._some_texts()
        encoder, second = self.make_encoder(), int(time.time())
        first = bytes(self.encode(picture, encoder, metadata=texts).data)
        self.encode(self.picture(seed=1), encoder)
        while int(time.time()) == second:  # a date inside the file counts in seconds
            time.sleep(0.02)
        again = bytes(self.encode(picture, encoder, metadata=texts).data)
        _expect(first == again, f"the same picture gives another file the second time: {_first_change(first, again)}")
        elsewhere = self._encoded_elsewhere(picture, texts)
        _expect(first == elsewhere, f"it gives another file in another process: {_first_change(first, elsewhere)}")

    def test_input_untouched(self, dtype: str, channels: int) -> None:
        """The picture that is given is never changed, and one that is read-only is as good as any."""
        picture = noise((17, 13), channels, dtype)
        before = picture.tobytes()
        wanted = bytes(self.encode(picture).data)
        _expect(picture.tobytes() == before, "encode changed the picture that it was given")
        picture.flags.writeable = False
        _expect(bytes(self.encode(picture).data) == wanted, "a read-only picture gives another file")

    def test_results_stay(self) -> None:
        """A result is not changed by what comes later: the caller's next picture, or the encoder's next call."""
        picture, encoder = self.picture(), self.make_encoder()
        wanted = bytes(self.encode(picture.copy()).data)
        encoded = self.encode(picture, encoder)
        picture[...] = self.picture(seed=1)
        self.encode(picture, encoder)
        _expect(bytes(encoded.data) == wanted, "Encoded.data changed after it was returned: it shares memory")

    def test_threads(self) -> None:
        """One encoder, used by many threads at once, gives the same results as alone."""
        pictures = [self.picture(seed, (200 + seed, 100)) for seed in range(THREADS)]
        wanted = [bytes(self.encode(picture).data) for picture in pictures]
        arrays = [self.read(data).array for data in wanted]
        encoder, start = self.make_encoder(), threading.Barrier(THREADS)

        def work(number: int) -> str | None:
            start.wait()
            for turn in range(THREADS):
                which = (number + turn) % THREADS
                if bytes(self.encode(pictures[which], encoder).data) != wanted[which]:
                    return "the files differ"
                if _decodes(encoder):
                    array = encoder.decode(wanted[which], max_pixels=1 << 24).array
                    if array.tobytes() != arrays[which].tobytes():
                        return "the decoded pictures differ"
            return None

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            with ThreadPoolExecutor(THREADS) as pool:
                problems = sorted(set(filter(None, pool.map(work, range(THREADS)))))
        finally:
            sys.setswitchinterval(interval)
        _expect(not problems, f"{THREADS} threads with one encoder: {' and '.join(problems)}")

    # --- metadata and options -------------------------------------------------------------------------------------

    def test_metadata(self, texts: dict[str, str]) -> None:
        """Every text is in the file or in ``leftover``, unchanged; and the pixels are the same as without."""
        if self.spec.metadata == "none":
            return
        picture = self.picture()
        encoded = self.encode(picture, metadata=dict(texts))
        decoded = self.read(bytes(encoded.data))
        for name, text in texts.items():
            kept = [where[name] for where in (decoded.metadata, encoded.leftover) if name in where]
            _expect(bool(kept), f"metadata {name[:40]!r} is lost: neither in the file nor in Encoded.leftover")
            _expect(kept == [text] * len(kept), f"metadata {name[:40]!r} is {_excerpt(kept[0])}, not {_excerpt(text)}")
        invented = sorted((set(encoded.leftover) | set(decoded.metadata)) - set(texts))
        _expect(not invented, f"metadata that nobody gave: {invented}")
        plain = self.read(bytes(self.encode(picture).data)).array
        _expect(plain.tobytes() == decoded.array.tobytes(), "the pixels are other ones when there is metadata")

    def test_small_metadata_is_embedded(self) -> None:
        """A short prompt and workflow are in the file itself."""
        leftover = self.encode(self.picture(), metadata=self._some_texts()).leftover
        _expect(not leftover, f"the declaration says metadata='embed', but {sorted(leftover)} is left over")

    def test_option_values(self, option: tuple[str, Any] | None, dtype: str, channels: int) -> None:
        """Every choice, both ends of every range and both truths give a file that can be read."""
        if option is None:
            return
        name, value = option
        checked = check_options(self.spec, {name: value})
        picture = smooth((65, 33), channels, dtype)
        try:
            encoded = self.encode(picture, options=checked)
        except OptionError:
            declared = self.spec.options[name]
            _expect(
                declared.type is str and declared.choices is None,
                f"option {name}={value!r} is declared as allowed, and encode refuses it",
            )
            return
        shape = self.read(bytes(encoded.data)).array.shape
        _expect(shape[:2] == picture.shape[:2], f"with {name}={value!r}, {picture.shape} comes back as {shape}")

    def test_wrong_options(self) -> None:
        """What the declaration does not allow is refused before anything is encoded."""
        wrong = [(name, value) for name, option in self.spec.options.items() for value in _not_allowed(option)]
        for name, value in [("no_such_option", 1), *wrong]:
            refusal = self._refusal(name, value)
            _expect(refusal is not None, f"option {name}={value!r} is accepted")
            _expect(name in str(refusal), f"the error about option {name!r} does not name it: {refusal}")

    # --- reading what is not sound --------------------------------------------------------------------------------

    def test_max_pixels(self) -> None:
        """A picture of exactly ``max_pixels`` is read; one pixel more is a DecodeError."""
        encoder = self.make_encoder()
        if not _decodes(encoder):
            return
        data = bytes(self.encode(self.picture(size=(17, 13))).data)
        encoder.decode(data, max_pixels=17 * 13)
        _expect(
            _try_decode(encoder, data, 17 * 13 - 1) is None,
            "decode returns a picture of 17x13 pixels with max_pixels=220: it must be a DecodeError",
        )

    def test_truncated_data(self) -> None:
        """A file that was cut off is a DecodeError; the last byte alone may be missing without harm to the picture."""
        encoder = self.make_encoder()
        if not _decodes(encoder):
            return
        data = bytes(self.encode(self.picture()).data)
        whole = encoder.decode(data, max_pixels=1 << 24).array
        for length in sorted({0, 1, 4, 12, len(data) // 4, len(data) // 2, len(data) * 3 // 4}):
            got = _try_decode(encoder, data[:length], 1 << 24)
            _expect(got is None, f"{length} of {len(data)} bytes are decoded: it must be a DecodeError")
        got = _try_decode(encoder, data[:-1], 1 << 24)
        same = got is None or got.array.tobytes() == whole.tobytes()
        _expect(same, "without its last byte the file is decoded as another picture: it must be a DecodeError")

    def test_damaged_data(self) -> None:
        """Changed bytes, and bytes of something else, never give anything but a picture or a DecodeError."""
        encoder = self.make_encoder()
        if not _decodes(encoder):
            return
        for data in _NOT_THIS_FORMAT:
            _expect(_try_decode(encoder, data, 1 << 24) is None, f"decode takes {data[:20]!r} for a picture")
        sound = bytes(self.encode(self.picture(size=(17, 13)), metadata=self._some_texts()).data)
        limit = 17 * 13 * 4
        for position in [*range(min(64, len(sound))), *range(64, len(sound), max(1, len(sound) // 64))]:
            damaged = bytearray(sound)
            damaged[position] ^= 0xFF
            got = _try_decode(encoder, bytes(damaged), limit)
            small = got is None or got.array.shape[0] * got.array.shape[1] <= limit
            _expect(small, f"with byte {position} damaged, a picture larger than max_pixels is returned")

    # --- helpers --------------------------------------------------------------------------------------------------

    def _declarations(self) -> str:
        return self.declarations or self.spec.encoder.partition(":")[0].partition(".")[0]

    def _declared(self) -> dict[str, Any]:
        return _run_child(action="declarations", module=self._declarations(), encoder=self.spec.encoder)

    def _refusal(self, name: str, value: object) -> OptionError | None:
        try:
            check_options(self.spec, {name: value})
        except OptionError as error:
            return error
        return None

    def _encoded(self, picture: ImageArray, exact: bool) -> bytes:
        chosen = self.options(**(self.lossless_options or {})) if exact else self.options()
        return bytes(self.encode(picture, options=chosen).data)

    def _encoded_elsewhere(self, picture: ImageArray, texts: Mapping[str, str]) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "picture.npy")
            np.save(path, picture)
            answer = _run_child(
                action="encode",
                encoder=self.spec.encoder,
                picture=str(path),
                options=self.options(),
                metadata=dict(texts),
                info=asdict(self.info()),
            )
        return bytes.fromhex(answer["data"])

    def _some_texts(self) -> dict[str, str]:
        return dict(_SMALL) if self.spec.metadata == "embed" else {}

    def _pictures(self, exact: bool, dtype: str, channels: int, size: tuple[int, int]) -> list[ImageArray]:
        smooth_one = smooth(size, channels, dtype)
        return [smooth_one, noise(size, channels, dtype)] if exact or self.spec.lossless else [smooth_one]

    def _compare(self, what: str, wanted: ImageArray, got: object, exact: bool) -> None:
        bound = None if exact or self.spec.lossless else self.min_psnr
        problem = difference(wanted, got, min_psnr=bound)
        _expect(problem is None, f"{what} is another one than was encoded: {problem}")


def _expect(ok: object, message: str) -> None:
    """An assertion that says what is wrong; pytest rewrites no ``assert`` in an installed library."""
    __tracebackhide__ = True
    if not ok:
        raise AssertionError(message)


def _decodes(encoder: Encoder) -> bool:
    return callable(getattr(encoder, "decode", None))


def _try_decode(encoder: Encoder, data: bytes, max_pixels: int) -> Decoded | None:
    """What is decoded; None for a DecodeError. Every other exception is a failed check."""
    try:
        return encoder.decode(data, max_pixels=max_pixels)
    except DecodeError:
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for item in value.items() for text in item)


def _worth_trying(option: Option) -> list[Any]:
    if option.choices is not None:
        return list(option.choices)
    if option.type is bool:
        return [False, True]
    if option.type is str:
        return ["", "some text", "\u00e9 \U0001f3ac"]
    low = min(-1.0, option.max or 0) if option.min is None else option.min
    high = max(1000.0, option.min or 0) if option.max is None else option.max
    return sorted({option.type(low), option.type(high)})


def _not_allowed(option: Option) -> list[Any]:
    if option.type is bool:
        return ["perhaps", 2, []]
    wrong: list[Any] = [[], "neither a number nor a choice"] if option.choices or option.type is not str else [[]]
    if option.type is not str:
        wrong.append(float("nan"))
        wrong.extend(end for end in (_beyond(option.min, -1), _beyond(option.max, 1)) if end is not None)
    return wrong


def _beyond(end: float | None, step: int) -> float | None:
    return None if end is None else end + step


def _first_change(wanted: bytes, got: bytes) -> str:
    place = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    return f"{len(wanted)} and {len(got)} bytes, differing from byte {place} on"


def _excerpt(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 120 else f"{shown[:100]}... ({len(str(text))} characters)"


def _run_child(**request: Any) -> dict[str, Any]:
    """Ask an interpreter of its own, with another hash seed; see ``_child``."""
    request["path"] = [str(Path(entry).absolute()) for entry in sys.path]
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(  # noqa: S603  (this interpreter, our own script)
        [sys.executable, str(_child.__file__)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise AssertionError(f"a new interpreter cannot do it:\n{last}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
