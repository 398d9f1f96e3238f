"""A correct encoder for a format of our own, and the mistakes of authors, one in each class."""

from __future__ import annotations

import json
import struct
import threading
import time
import zlib
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import DecodeError, OptionError
from seqsave.types import Decoded, Encoded, FrameInfo
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ImageArray

MAGIC = b"TINY"


def pack(header: dict[str, Any], pixels: bytes, level: int = 1) -> bytes:
    text = json.dumps(header).encode()
    body = MAGIC + struct.pack("<I", len(text)) + text + zlib.compress(pixels, level)
    return body + struct.pack("<I", zlib.crc32(body))


def header(data: bytes) -> tuple[dict[str, Any], int]:
    """Read the header without checks."""
    (length,) = struct.unpack_from("<I", data, 4)
    return json.loads(data[8 : 8 + length]), 8 + length


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    about, end = header(data)
    return about, zlib.decompress(data[end:-4])


def foreign(data: bytes) -> ImageArray:
    about, pixels = unpack(data)
    array = np.frombuffer(pixels, about["dtype"]).reshape(about["shape"])
    return array[..., 0] if array.shape[2] == 1 else array


class TinyEncoder:
    """Correct in every way."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        about = {"shape": image.shape, "dtype": image.dtype.name, "texts": dict(metadata), **self.more(info)}
        return Encoded(data=pack(about, image.tobytes(), options["level"]))

    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {}

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        if data[:4] != MAGIC or len(data) < 12 or zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise DecodeError("not a sound tiny file")
        shape = header(data)[0]["shape"]
        if shape[0] * shape[1] > max_pixels:
            raise DecodeError("more pixels than allowed", reason="too large")
        about, pixels = unpack(data)
        array = np.frombuffer(pixels, about["dtype"]).reshape(about["shape"]).copy()
        return Decoded(array=array, metadata=about["texts"])


# --- pixels ----------------------------------------------------------------------------------------------------------


class Changed(TinyEncoder, ABC):
    """Encodes a picture that differs from the given one."""

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return super().encode(np.ascontiguousarray(self.change(image)), **named)

    @abstractmethod
    def change(self, image: ImageArray) -> ImageArray: ...


class LastRowLost(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image[:-1] if len(image) > 1 else image


class AlphaDropped(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image[..., :3]


class ChannelsSwapped(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image[..., ::-1]


class FloatsClipped(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return np.clip(image, 0, 1) if image.dtype.kind == "f" else image


class NansReplaced(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return np.nan_to_num(image) if image.dtype.kind == "f" else image


class InfinitiesClipped(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        if image.dtype.kind != "f":
            return image
        return np.clip(image, np.finfo(image.dtype).min, np.finfo(image.dtype).max)


class ZerosLoseTheirSign(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image + np.array(0, image.dtype)


class TinyNumbersLost(Changed):
    """Flushes numbers below the smallest normal one to zero, as some processors do."""

    def change(self, image: ImageArray) -> ImageArray:
        if image.dtype.kind != "f":
            return image
        return np.where(np.abs(image) < np.finfo(image.dtype).tiny, image.dtype.type(0), image)


class NansRefused(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        if np.isnan(image).any():
            raise ValueError("not a number")
        return image


class TallPicturesFail(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image[:256] if len(image) == 257 else image


class OneDtypeFails(Changed):
    """The declaration promises a dtype that the backend refuses."""

    def change(self, image: ImageArray) -> ImageArray:
        if image.dtype == np.uint16:
            raise TypeError("unsupported dtype uint16")
        return image


class LowBitsLost(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image if image.dtype.kind == "f" else image & ~np.array(1, image.dtype)


class FourLevels(Changed):
    def change(self, image: ImageArray) -> ImageArray:
        return image // 64 * 64


class OddWidthsFail(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        if image.shape[1] % 2 and image.shape[1] != 65:
            raise RuntimeError("odd width")
        return super().encode(image, **named)


class DecodesDoubles(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        decoded = super().decode(data, max_pixels=max_pixels)
        return replace(decoded, array=decoded.array.astype(np.float64))


class DecodesForeignOrder(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        decoded = super().decode(data, max_pixels=max_pixels)
        return replace(decoded, array=decoded.array.astype(decoded.array.dtype.newbyteorder(">")))


class DecodesLists(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Any:
        return super().decode(data, max_pixels=max_pixels).array


class CannotRead:
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return TinyEncoder().encode(image, **named)


# --- results ---------------------------------------------------------------------------------------------------------


class ReturnsBytes(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Any:
        return super().encode(image, **named).data


class ReturnsNothing(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return Encoded(data=b"")


class WarnsWithText(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return replace(super().encode(image, **named), warnings="beware")  # type: ignore[arg-type]


class LeavesNumbers(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return replace(super().encode(image, **named), leftover={"seed": 7})  # type: ignore[dict-item]


class Dated(TinyEncoder):
    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {"date": int(time.time())}


class Hashed(TinyEncoder):
    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {"hash": hash("tiny")}


class Counting(TinyEncoder):
    count = 0

    def more(self, info: FrameInfo) -> dict[str, Any]:
        self.count += 1
        return {"count": self.count}


class TotalWanted(TinyEncoder):
    """Counts from the first frame to the last: works if the number is known, and if the caller gives none."""

    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {"left": info.total - info.index} if info.index != 17 else {}  # type: ignore[operator]


class CodesOfColor(TinyEncoder):
    """Not every colour space has numbers in H.273."""

    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {"cicp": list(info.color.cicp)} if info.color else {}  # type: ignore[arg-type]


class ColorConverted(TinyEncoder):
    """Writes the stated colour space into the file, and converts the values nevertheless."""

    def encode(self, image: ImageArray, *, info: FrameInfo, **named: Any) -> Encoded:
        if info.color is not None and info.color.transfer == "linear":
            image = np.rint(255 * (image / 255) ** (1 / 2.2)).astype(image.dtype)
        return super().encode(image, info=info, **named)


class WholeDensity(TinyEncoder):
    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {"dpi": struct.pack("<H", info.dpi).hex()} if info.dpi else {}


class TagsInAscii(TinyEncoder):
    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {name: text.encode("ascii").decode() for name, text in info.tags.items()}


class TagsInsteadOfMetadata(TinyEncoder):
    """Writes tags where metadata belongs."""

    def encode(self, image: ImageArray, *, metadata: Mapping[str, str], info: FrameInfo, **named: Any) -> Encoded:
        kept = {} if info.tags else metadata
        return super().encode(image, metadata=kept, info=info, **named)


class TagsDated(TinyEncoder):
    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {"written": time.time_ns()} if info.tags else {}


class FirstIsSpecial(TinyEncoder):
    """Encodes every frame after the first one in a process differently."""

    def __init__(self) -> None:
        self.seen = False

    def more(self, info: FrameInfo) -> dict[str, Any]:
        first, self.seen = not self.seen, True
        return {"first": first}


class ChangesInput(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        encoded = super().encode(image, **named)
        image[...] = 0
        return encoded


class NeedsToWrite(TinyEncoder):
    """Writes into the caller's picture, and restores it."""

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        image.byteswap(inplace=True).byteswap(inplace=True)
        return super().encode(image, **named)


class SharedBuffer(TinyEncoder):
    def __init__(self) -> None:
        self.buffer = bytearray(1 << 20)

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        data = bytes(super().encode(image, **named).data)
        self.buffer[: len(data)] = data
        return Encoded(data=memoryview(self.buffer)[: len(data)])


class KeepsItsBuffer(TinyEncoder):
    """Safe for threads, but returns a buffer that its next call overwrites."""

    def __init__(self) -> None:
        self.local = threading.local()

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        data = bytes(super().encode(image, **named).data)
        buffer = self.local.__dict__.setdefault("buffer", bytearray(1 << 22))
        buffer[: len(data)] = data
        return Encoded(data=memoryview(buffer)[: len(data)])


class AliasesInput(TinyEncoder):
    """Returns the caller's own memory as the file."""

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return Encoded(data=memoryview(image.reshape(-1).view(np.uint8)))


class NotForThreads(TinyEncoder):
    """Stores the picture in an attribute. Threads of the kit meet there in pairs, and one gets the other's."""

    two = threading.Barrier(2)
    has_met = threading.local()

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        self.image = image
        if threading.current_thread() is not threading.main_thread() and not hasattr(self.has_met, "once"):
            self.has_met.once = True
            self.two.wait(PATIENCE)
        return super().encode(self.image, **named)


# --- metadata and options --------------------------------------------------------------------------------------------


class Rewritten(TinyEncoder, ABC):
    """Writes metadata that differ from the given ones."""

    def encode(self, image: ImageArray, *, metadata: Mapping[str, str], **named: Any) -> Encoded:
        return super().encode(image, metadata=self.rewrite(dict(metadata)), **named)

    @abstractmethod
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]: ...


class MetadataLost(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {}


class MetadataInAscii(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text.encode("ascii", "replace").decode() for name, text in texts.items()}


class MetadataCutOff(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text[:65533] for name, text in texts.items()}


class MetadataOfAFew(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return dict(list(texts.items())[:30])


class MetadataStripped(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text.strip() for name, text in texts.items()}


class NamesTrimmed(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name.strip(): text for name, text in texts.items()}


class NamesOfItsOwn(Rewritten):
    """Takes metadata with the name of a header field for that field."""

    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text for name, text in texts.items() if name != "shape"}


class LinesEndedAnew(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in texts.items()}


class HalfPairsFail(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {name: text.encode().decode() for name, text in texts.items()}


class MegabytesFail(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        if sum(map(len, texts.values())) > 1 << 20:
            raise ValueError("more than fits in this box")
        return texts


class MetadataInvented(Rewritten):
    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        return {"software": "tiny", **texts}


class MetadataBeside(TinyEncoder):
    def encode(self, image: ImageArray, *, metadata: Mapping[str, str], **named: Any) -> Encoded:
        return replace(super().encode(image, metadata={}, **named), leftover=metadata)


class MetadataInPixels(TinyEncoder):
    def encode(self, image: ImageArray, *, metadata: Mapping[str, str], **named: Any) -> Encoded:
        marked = image | np.array(1, image.dtype) if metadata else image
        return super().encode(marked, metadata=metadata, **named)


class MetadataAtLevelZero(TinyEncoder):
    """With one value of an option, the file has no room for texts."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], **named: Any
    ) -> Encoded:
        kept = metadata if options["level"] else {}
        return super().encode(image, metadata=kept, options=options, **named)


class LevelNineFails(TinyEncoder):
    def encode(self, image: ImageArray, *, options: Mapping[str, Any], **named: Any) -> Encoded:
        if options["level"] == 9:
            raise RuntimeError("level 9 was built without")
        return super().encode(image, options=options, **named)


class LevelNineRefused(TinyEncoder):
    def encode(self, image: ImageArray, *, options: Mapping[str, Any], **named: Any) -> Encoded:
        if options["level"] == 9:
            raise OptionError("level is 9: use less")
        return super().encode(image, options=options, **named)


class CommentsRefused(TinyEncoder):
    """Allowed: what a free text may be cannot be declared."""

    def encode(self, image: ImageArray, *, options: Mapping[str, Any], **named: Any) -> Encoded:
        if not options["comment"].isascii():
            raise OptionError("comment must be ASCII")
        return super().encode(image, options=options, **named)


class CommentsFail(TinyEncoder):
    def encode(self, image: ImageArray, *, options: Mapping[str, Any], **named: Any) -> Encoded:
        options["comment"].encode("ascii")
        return super().encode(image, options=options, **named)


class HalfSizeOption(TinyEncoder):
    def encode(self, image: ImageArray, *, options: Mapping[str, Any], **named: Any) -> Encoded:
        smaller = image if options["exact"] else np.ascontiguousarray(image[::2, ::2])
        return super().encode(smaller, options=options, **named)


# --- reading damaged files ----------------------------------------------------------------------------------------


class NoLimit(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        return super().decode(data, max_pixels=1 << 60)


class LimitTooTight(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        return super().decode(data, max_pixels=max_pixels - 1)


class NoChecks(TinyEncoder):
    """Damage shows as struct.error, zlib.error, KeyError ..."""

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        about, _ = header(data)
        if about["shape"][0] * about["shape"][1] > max_pixels:
            raise DecodeError("more pixels than allowed", reason="too large")
        _, pixels = unpack(data)
        return Decoded(array=np.frombuffer(pixels, about["dtype"]).reshape(about["shape"]), metadata=about["texts"])


class AllocatesFirst(TinyEncoder):
    """Checks the limit after decoding everything."""

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        decoded = super().decode(data, max_pixels=1 << 60)
        if decoded.array.shape[0] * decoded.array.shape[1] > max_pixels:
            raise DecodeError("more pixels than allowed", reason="too large")
        return decoded


class CrashesOnLarge(TinyEncoder):
    """The backend's error for a picture that is too large is not a DecodeError."""

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        if 1 << 20 < max_pixels < 1 << 24 and data[:4] == MAGIC and max(header(data)[0]["shape"]) > 1000:
            raise MemoryError("the backend's own limit")
        return super().decode(data, max_pixels=max_pixels)


class FillsUp(TinyEncoder):
    """Reads a truncated file, with black for the missing pixels."""

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        try:
            return super().decode(data, max_pixels=max_pixels)
        except DecodeError:
            if data[:4] != MAGIC or len(data) < 200 or max_pixels < 1000:
                raise
            return Decoded(array=np.zeros((1, 1, 1), np.uint8))


class LastByteIgnored(TinyEncoder):
    """Without its last byte, a file is read as another picture."""

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        try:
            return super().decode(data, max_pixels=max_pixels)
        except DecodeError:
            if max_pixels < 1 << 20 or data[:4] != MAGIC or data[-1:] == b"\0":
                raise
            try:
                unpack(data + b"\0")
            except (ValueError, KeyError, struct.error, zlib.error):
                raise DecodeError("cut off") from None
            return Decoded(array=np.zeros((1, 1, 1), np.uint8))


class TakesAnything(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        if data.startswith(b"not a picture"):
            return Decoded(array=np.zeros((1, 1, 1), np.uint8))
        return super().decode(data, max_pixels=max_pixels)


class GrowsWhenDamaged(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        try:
            return super().decode(data, max_pixels=max_pixels)
        except DecodeError:
            if max_pixels == 17 * 13 * 4 and data[:4] == MAGIC:
                return Decoded(array=np.zeros((999, 999, 1), np.uint8))
            raise


class WrongSignature(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return Encoded(data=b"GIF89a" + bytes(super().encode(image, **named).data))

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        if data[:6] != b"GIF89a":
            raise DecodeError("not a file of this format")
        return super().decode(data[6:], max_pixels=max_pixels)


# --- classes that cannot be used -------------------------------------------------------------------------------------


class WantsArguments(TinyEncoder):
    def __init__(self, level: int) -> None:
        self.level = level


class OldSignature:
    def encode(self, image: ImageArray) -> bytes:
        return image.tobytes()


class OldDecode(TinyEncoder):
    def decode(self, data: bytes) -> Decoded:  # type: ignore[override]
        return super().decode(data, max_pixels=1)


class NoEncode:
    pass
