"""The tests that every encoder should pass. Each is a method, and uses the kit's own pictures.

A test that cannot apply to a format is switched off by name, with a reason beside it:
``test_truncated_data = None  # the format has no length``.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqsave.errors import OptionError
from seqsave.plugins.options import check_options
from seqsave.specs import EncoderSpec
from seqsave.testing import _cases, _declaration, _encoding
from seqsave.testing._damage import END, NOT_THIS_FORMAT, cuts, damaged
from seqsave.testing._encoding import EncoderChecks, decodes, excerpt, expect, first_change, is_text, try_decode
from seqsave.testing._pictures import changed, flat, noise, smooth, specials
from seqsave.testing._running import run_child
from seqsave.types import EMBED_SUFFIX, Decoded, Encoded, FrameInfo

__all__ = ["EncoderSuite"]

THREADS = 8
_RAW = 32 << 20  # bytes of a picture that is not to be decoded


class EncoderSuite(EncoderChecks):
    """The tests of an encoder. Inherit from it in a class whose name starts with ``Test``.

    spec:             the declaration to test. The only attribute that must be set.
    declarations:     the module that implements the hook; by default the encoder's package.
    min_psnr:         if ``spec.lossless`` is False: the least PSNR, in dB, of a smooth picture with default options.
    lossless_options: options that make a lossy format exact; the round trips then run with them as well.
    signature:        a regular expression (bytes) for the beginning of each file; known for common extensions.
    decoders:         readers that you did not write, by name: bytes in, array H,W or H,W,C in the encoded dtype out.
                      A reader that cannot take a certain picture calls ``pytest.skip``.

    If the encoder has no ``decode``, override ``read`` with a foreign reader. If the format cannot store all that it
    accepts (JPEG and alpha), override ``expected``.
    """

    spec: ClassVar[EncoderSpec]
    declarations: ClassVar[str | None] = None
    min_psnr: ClassVar[float] = 40.0
    lossless_options: ClassVar[Mapping[str, Any] | None] = None
    signature: ClassVar[bytes | None] = None
    decoders: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {}

    # --- the declaration ------------------------------------------------------------------------------------------

    def test_declaration(self) -> None:
        """Check types, names, extensions, dtypes and options of the declaration."""
        problems = _declaration.problems(self.spec)
        unknown = sorted(set(self.lossless_options or {}) - set(self.spec.options))
        if unknown:
            problems.append(f"lossless_options of this suite: {unknown} are not declared")
        expect(not problems, "the declaration is not valid:\n- " + "\n- ".join(problems))

    def test_declarations_import_nothing_heavy(self) -> None:
        """Check that the declaration's module imports only the standard library and seqsave."""
        heavy = self._declared()["heavy"]
        expect(
            not heavy,
            f"importing {self._declarations()} also imports {', '.join(heavy)}: import them in the codec's module, "
            "which the declaration names as text",
        )

    def test_hook_returns_the_declaration(self) -> None:
        """Check that the module implements ``seqsave_encoders``, and that its list contains this declaration."""
        answer, module = self._declared(), self._declarations()
        expect(
            answer["hook"],
            f"{module} has no function seqsave_encoders: write it there, or set this suite's declarations to the "
            "module that has it",
        )
        expect(
            answer["marked"],
            f"seqsave_encoders in {module} has no @seqsave.hookimpl in front of it: add it, or it is never called",
        )
        returned = ", ".join(answer["specs"]) or "nothing"
        expect(answer["list"], f"seqsave_encoders in {module} returns {returned}: it must be a list")
        expect(
            repr(self.spec) in answer["specs"],
            f"seqsave_encoders in {module} does not return this suite's spec, but {returned}: add it to the list",
        )

    def test_installed(self) -> None:
        """Check that a new interpreter finds the installed plugin by its entry point, saves a frame and reads it."""
        picture = self._kept(max(self.spec.channels), self.spec.dtypes[0])
        embeds = self.spec.metadata == "embed"
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder, "picture.npy"), picture)
            answer = run_child(
                action="save",
                spec=repr(self.spec),
                filetype=self.spec.filetype + (EMBED_SUFFIX if embeds else ""),
                picture=str(Path(folder, "picture.npy")),
                metadata=self._some_texts(),
                folder=str(Path(folder, "frames")),
                reads=decodes(self.make_encoder()),
                result=str(Path(folder, "result.npy")),
            )
            expect(answer["problem"] is None, self._not_installed(answer))
            saved = Path(folder, "frames", f"frame_00000.{self.spec.extensions[0]}")
            expect(saved.is_file(), f"seqsave.save wrote no {saved.name}: name that extension first")
            self._compare(
                "the frame that seqsave.save wrote", self.expected(picture), self.read(saved.read_bytes()).array
            )
            if answer["metadata"] is not None:
                got = np.load(Path(folder, "result.npy"), allow_pickle=False)
                self._compare("the frame that seqsave.open_sequence reads", self.expected(picture), got)
                lost = sorted(set(self._some_texts()) - set(answer["metadata"]))
                expect(not lost, f"metadata {lost} of the saved frame is lost: return it in Decoded.metadata")

    # --- pixels ---------------------------------------------------------------------------------------------------

    def test_result(self) -> None:
        """Check that ``encode`` and ``decode`` return their records, with fields of the right types."""
        encoded = self.encode(self.picture())
        expect(
            isinstance(encoded, Encoded),
            f"encode returned {type(encoded).__name__}, not seqsave.Encoded: return Encoded(data=...)",
        )
        is_bytes = isinstance(encoded.data, bytes | bytearray | memoryview)
        expect(is_bytes and len(encoded.data) > 0, "Encoded.data must be the whole file as bytes, and not empty")
        expect(
            is_text(encoded.leftover),
            f"Encoded.leftover is {encoded.leftover!r}: it must map text to text, as it was given in metadata",
        )
        is_tuple = isinstance(encoded.warnings, tuple) and all(isinstance(line, str) for line in encoded.warnings)
        expect(is_tuple, f"Encoded.warnings is {encoded.warnings!r}: it must be a tuple of text, as in ('one line',)")
        decoded = self.read(bytes(encoded.data))
        expect(
            isinstance(decoded, Decoded),
            f"decode returned {type(decoded).__name__}, not seqsave.Decoded: return Decoded(array=..., metadata=...)",
        )
        expect(is_text(decoded.metadata), f"Decoded.metadata is {decoded.metadata!r}: it must map text to text")

    def test_round_trip(self, exact: bool, dtype: str, channels: int, size: tuple[int, int]) -> None:
        """Check that the picture is read back exactly, or as near as ``min_psnr`` if the format is lossy."""
        for picture in self._pictures(exact, dtype, channels, size):
            got = self.read(self._encoded(picture, exact)).array
            self._compare("the picture that is read back", self.expected(picture), got, exact)

    def test_foreign_decoders(self, exact: bool, dtype: str, channels: int) -> None:
        """Check that independent programs read the same picture."""
        for name, decode in self.decoders.items():
            for picture in self._pictures(exact, dtype, channels, (65, 33)):
                got = np.asarray(decode(self._encoded(picture, exact)))
                got = got.reshape(*got.shape[:2], -1)
                self._compare(f"the picture as {name} reads it", self.expected(picture), got, exact)

    def test_special_values(self, exact: bool, float_dtype: str | None) -> None:
        """Check that floats keep NaN, infinities, -0.0, the largest and the smallest numbers.

        Bit for bit, except that all NaNs are equal; a lossy format must accept them, but may change them.
        """
        if float_dtype is None:
            return
        values = specials(float_dtype)
        picture = smooth((len(values), 5), max(self.spec.channels), float_dtype)
        picture[2] = values[:, None]
        data = self._encoded(picture, exact)
        readers = {"it": lambda data: self.read(data).array, **self.decoders}
        for name, read in readers.items():
            got = np.asarray(read(data))
            got = got.reshape(*got.shape[:2], -1)
            wanted = self.expected(picture)
            expect(got.shape == wanted.shape, f"{name} reads a picture of {got.shape}, not {wanted.shape}")
            lost = changed(wanted[2], got[2]) if exact or self.spec.lossless else []
            expect(
                not lost,
                f"as {name} reads it, {', '.join(lost)}: write floats as they are, or declare lossless=False",
            )

    def test_frame_info(self, info: FrameInfo, channels: int) -> None:
        """Check that every fact in FrameInfo is accepted: number, colour space, density, tags.

        The picture and its metadata are the same as without, and the file is the same each time.
        """
        picture, texts = self._kept(channels, self.spec.dtypes[0]), self._some_texts()
        plain_file = self.encode(picture, metadata=texts)
        plain = self.read(bytes(plain_file.data))
        encoded = self.encode(picture, metadata=texts, info=info)
        decoded = self.read(bytes(encoded.data))
        self._compare("the picture, compared with the one without FrameInfo,", plain.array, decoded.array)
        for name, text in {**plain_file.leftover, **plain.metadata}.items():
            kept = decoded.metadata.get(name, encoded.leftover.get(name))
            expect(
                kept == text,
                f"metadata {name!r} is {excerpt(kept)}, not {excerpt(text)}: what FrameInfo adds to the file must "
                "have another place",
            )
        again = bytes(self.encode(picture, metadata=texts, info=info).data)
        expect(
            again == bytes(encoded.data),
            f"the same frame gives another file the second time: {first_change(bytes(encoded.data), again)}; write no "
            "date and nothing random",
        )

    def test_signature(self, dtype: str, channels: int) -> None:
        """Check that each file starts like files of its format, so that other programs recognise it."""
        data = bytes(self.encode(noise((17, 13), channels, dtype)).data)
        problem = _declaration.signature_problem(self.spec.extensions[0], data, self.signature)
        expect(problem is None, f"the file starts with {data[:16]!r}: {problem}")

    def test_deterministic(self) -> None:
        """Check that a file depends only on the picture and its facts, not on time, process or earlier frames."""
        picture, texts, info = self.picture(), self._some_texts(), _cases.full(self.info())
        encoder, second = self.make_encoder(), int(time.time())
        first = bytes(self.encode(picture, encoder, metadata=texts, info=info).data)
        self.encode(self.picture(seed=1), encoder)
        elsewhere = self._encoded_elsewhere(picture, texts, info)  # first, since it takes most of the second
        while int(time.time()) == second:  # a date inside the file counts in seconds
            time.sleep(0.02)
        again = bytes(self.encode(picture, encoder, metadata=texts, info=info).data)
        expect(
            first == again,
            f"the same picture gives another file the second time: {first_change(first, again)}; write no date, and "
            "keep no state",
        )
        expect(
            first == elsewhere,
            f"it gives another file in another process: {first_change(first, elsewhere)}; use no hash() and no order "
            "of sets",
        )

    def test_input_untouched(self, dtype: str, channels: int) -> None:
        """Check that ``encode`` never changes its picture, and accepts a read-only one."""
        picture = noise((17, 13), channels, dtype)
        before = picture.tobytes()
        wanted = bytes(self.encode(picture).data)
        expect(
            picture.tobytes() == before,
            "encode changed the picture that it was given, which its caller goes on using: work on a copy",
        )
        picture.flags.writeable = False
        try:
            same = bytes(self.encode(picture).data) == wanted
        except ValueError as error:
            raise AssertionError(f"a read-only picture cannot be encoded: {error}; work on a copy") from error
        expect(same, "a read-only picture gives another file: it must not matter")

    def test_results_stay(self) -> None:
        """Check that a result does not change later, with the caller's next picture or the encoder's next call."""
        picture, encoder = self.picture(), self.make_encoder()
        wanted = bytes(self.encode(picture.copy()).data)
        encoded = self.encode(picture, encoder)
        picture[...] = self.picture(seed=1)
        self.encode(picture, encoder)
        expect(
            bytes(encoded.data) == wanted,
            "Encoded.data changed after it was returned: it shares memory with the picture or the next result; copy it",
        )

    def test_threads(self) -> None:
        """Check that one encoder, used by many threads at once, gives the same results as alone."""
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
                if decodes(encoder):
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
        expect(
            not problems,
            f"{THREADS} threads with one encoder: {' and '.join(problems)}; keep nothing of a picture in "
            "self or in globals",
        )

    # --- metadata and options -------------------------------------------------------------------------------------

    def test_metadata(self, texts: dict[str, str]) -> None:
        """Check that every text is in the file or in ``leftover``, unchanged, and that the pixels stay the same."""
        if self.spec.metadata == "none":
            return
        picture = self.picture()
        encoded = self.encode(picture, metadata=dict(texts))
        decoded = self.read(bytes(encoded.data))
        for name, text in texts.items():
            kept = [where[name] for where in (decoded.metadata, encoded.leftover) if name in where]
            expect(
                bool(kept),
                f"metadata {name[:40]!r} is lost: neither in the file nor in Encoded.leftover; what the file cannot "
                "hold goes there",
            )
            other = next((found for found in kept if found != text), text)
            expect(
                other == text,
                f"metadata {name[:40]!r} is {excerpt(other)}, not {excerpt(text)}: what the file would change goes "
                "into Encoded.leftover",
            )
        invented = sorted((set(encoded.leftover) | set(decoded.metadata)) - set(texts))
        advice = "return exactly the names and texts that were"
        expect(not invented, f"metadata that were not passed to encode: {invented}; {advice}")
        plain = self.read(bytes(self.encode(picture).data)).array
        expect(
            plain.tobytes() == decoded.array.tobytes(),
            "metadata changes the pixels: it must not",
        )

    def test_small_metadata_is_embedded(self) -> None:
        """Check that a short prompt and workflow are in the file itself."""
        leftover = self.encode(self.picture(), metadata=self._some_texts()).leftover
        expect(
            not leftover,
            f"the declaration has metadata='embed', but {sorted(leftover)} is left over: embed it, or say "
            "metadata='none'",
        )

    def test_option_values(self, option: tuple[str, Any] | None, dtype: str, channels: int) -> None:
        """Check that every choice, both ends of every range and both booleans give a readable file with metadata."""
        if option is None:
            return
        name, value = option
        checked = check_options(self.spec, {name: value})
        picture, texts = smooth((65, 33), channels, dtype), self._some_texts()
        try:
            encoded = self.encode(picture, options=checked, metadata=texts)
        except OptionError as error:
            declared = self.spec.options[name]
            expect(
                declared.type is str and declared.choices is None,
                f"option {name}={value!r} is declared as allowed, but encode refuses it ({error}): declare choices, "
                "min or max",
            )
            return
        decoded = self.read(bytes(encoded.data))
        shape = decoded.array.shape
        expect(
            shape[:2] == picture.shape[:2],
            f"with {name}={value!r}, {picture.shape} comes back as {shape}: an option must not change width or height",
        )
        lost = sorted(set(texts) - set(decoded.metadata) - set(encoded.leftover))
        expect(not lost, f"with {name}={value!r}, metadata {lost} is lost: embed it, or leave it in Encoded.leftover")

    def test_wrong_options(self) -> None:
        """Check that values that are not allowed are refused before anything is encoded."""
        wrong = [(name, value) for name, option in self.spec.options.items() for value in _cases.not_allowed(option)]
        for name, value in [("no_such_option", 1), *wrong]:
            refusal = self._refusal(name, value)
            expect(refusal is not None, f"option {name}={value!r} is accepted: declare choices, min or max")
            expect(name in str(refusal), f"the error about option {name!r} does not name it: {refusal}")

    # --- reading damaged files ------------------------------------------------------------------------------------

    def test_max_pixels(self) -> None:
        """Check that a picture of exactly ``max_pixels`` is read, and that one pixel more is a DecodeError."""
        encoder = self.make_encoder()
        if not decodes(encoder):
            return
        data = bytes(self.encode(self.picture(size=(17, 13))).data)
        encoder.decode(data, max_pixels=17 * 13)
        reason = _encoding.refused_for(encoder, data, 17 * 13 - 1)
        got = f"a DecodeError with reason={reason!r}" if reason else "a picture"
        wanted = 'it must be a DecodeError with reason="too large"'
        expect(reason == "too large", f"17x13 pixels with max_pixels=220 end in {got}: {wanted}")

    def test_large_pictures_take_no_memory(self) -> None:
        """Check that a picture with more than ``max_pixels`` is refused by its header, before memory is allocated."""
        encoder = self.make_encoder()
        if not decodes(encoder):
            return
        channels, dtype = max(self.spec.channels), self.spec.dtypes[0]
        side = int((_RAW / channels / np.dtype(dtype).itemsize) ** 0.5)
        with tempfile.TemporaryDirectory() as folder:
            small, large = Path(folder, "small"), Path(folder, "large")
            small.write_bytes(self.encode(flat((17, 13), channels, dtype)).data)
            large.write_bytes(self.encode(flat((side, side), channels, dtype)).data)
            answer = run_child(
                action="decode",
                encoder=self.spec.encoder,
                small=str(small),
                large=str(large),
                max_pixels=side * side - 1,
            )
            size = large.stat().st_size
        refused = str(answer["raised"]).startswith("DecodeError")
        expect(
            refused,
            f"{side}x{side} pixels, one more than max_pixels, end in {answer['raised'] or 'a picture'}: it must be a "
            "DecodeError",
        )
        allowed = size + _RAW // 2
        expect(
            (answer["grown"] or 0) < allowed,
            f"refusing {side}x{side} pixels took {(answer['grown'] or 0) >> 20} MB: read width and height from the "
            "header and compare them with max_pixels before anything is decoded",
        )

    def test_truncated_data(self) -> None:
        """Check that a truncated file is a DecodeError; some of its last bytes may be missing without harm."""
        encoder = self.make_encoder()
        if not decodes(encoder):
            return
        data = bytes(self.encode(self.picture()).data)
        whole = encoder.decode(data, max_pixels=1 << 24).array
        for length in cuts(len(data)):
            got = try_decode(encoder, data[:length], 1 << 24, f"the first {length} of {len(data)} bytes")
            if got is None:
                continue
            same = got.array.shape == whole.shape and got.array.tobytes() == whole.tobytes()
            expect(
                same and length >= len(data) - END,
                f"the first {length} of {len(data)} bytes are decoded{'' if same else ' as another picture'}: it must "
                "be a DecodeError",
            )

    def test_damaged_data(self) -> None:
        """Check that damaged and foreign bytes give either a picture or a DecodeError."""
        encoder = self.make_encoder()
        if not decodes(encoder):
            return
        for data in NOT_THIS_FORMAT:
            got = try_decode(encoder, data, 1 << 24, f"{data[:20]!r}, which is not a file of this format,")
            expect(got is None, f"decode accepts {data[:20]!r} as a picture: it must be a DecodeError")
        sound = bytes(self.encode(self.picture(size=(17, 13)), metadata=self._some_texts()).data)
        limit = 17 * 13 * 4
        for what, data in damaged(sound):
            got = try_decode(encoder, data, limit, f"a file with {what}")
            small = got is None or got.array.shape[0] * got.array.shape[1] <= limit
            expect(small, f"with {what}, a picture larger than max_pixels is returned: it must be a DecodeError")
