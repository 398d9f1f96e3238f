"""A sound encoder for a format of our own, and what authors get wrong, one sin in each class."""

from __future__ import annotations

import json
import struct
import time
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import DecodeError, OptionError
from seqsave.types import Decoded, Encoded, FrameInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqsave.types import ImageArray

MAGIC = b"TINY"


def pack(header: dict[str, Any], pixels: bytes, level: int = 1) -> bytes:
    text = json.dumps(header).encode()
    body = MAGIC + struct.pack("<I", len(text)) + text + zlib.compress(pixels, level)
    return body + struct.pack("<I", zlib.crc32(body))


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """No checks: raises whatever it raises."""
    (length,) = struct.unpack_from("<I", data, 4)
    return json.loads(data[8 : 8 + length]), zlib.decompress(data[8 + length : -4])


def foreign(data: bytes) -> ImageArray:
    header, pixels = unpack(data)
    array = np.frombuffer(pixels, header["dtype"]).reshape(header["shape"])
    return array[..., 0] if array.shape[2] == 1 else array


class TinyEncoder:
    """Sound in every way."""

    def encode(
        self, image: ImageArray, *, metadata: Mapping[str, str], options: Mapping[str, Any], info: FrameInfo
    ) -> Encoded:
        header = {"shape": image.shape, "dtype": image.dtype.name, "texts": dict(metadata), **self.more(info)}
        return Encoded(data=pack(header, image.tobytes(), options["level"]))

    def more(self, info: FrameInfo) -> dict[str, Any]:
        return {}

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        if data[:4] != MAGIC or len(data) < 12 or zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise DecodeError("not a sound tiny file")
        header, pixels = unpack(data)
        if header["shape"][0] * header["shape"][1] > max_pixels:
            raise DecodeError("more pixels than allowed")
        array = np.frombuffer(pixels, header["dtype"]).reshape(header["shape"]).copy()
        return Decoded(array=array, metadata=header["texts"])


# --- pixels -----------------------------------------------------------------------------------------------------------


class Changed(TinyEncoder):
    """Encodes another picture than it was given."""

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return super().encode(np.ascontiguousarray(self.change(image)), **named)

    def change(self, image: ImageArray) -> ImageArray:
        raise NotImplementedError


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


# --- results ----------------------------------------------------------------------------------------------------------


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


class FirstIsSpecial(TinyEncoder):
    """Only what follows a frame in the same process differs."""

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
    """Puts everything back, but works inside the caller's picture."""

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


class AliasesInput(TinyEncoder):
    """Not compressed: the file is the caller's own memory, with nothing around it."""

    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        return Encoded(data=memoryview(image.reshape(-1).view(np.uint8)))


class NotForThreads(TinyEncoder):
    def encode(self, image: ImageArray, **named: Any) -> Encoded:
        self.image = image
        time.sleep(0.001)
        return super().encode(self.image, **named)


# --- metadata and options ---------------------------------------------------------------------------------------------


class Rewritten(TinyEncoder):
    """Writes other metadata than it was given."""

    def encode(self, image: ImageArray, *, metadata: Mapping[str, str], **named: Any) -> Encoded:
        return super().encode(image, metadata=self.rewrite(dict(metadata)), **named)

    def rewrite(self, texts: dict[str, str]) -> dict[str, str]:
        raise NotImplementedError


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


# --- reading what is not sound ----------------------------------------------------------------------------------------


class NoLimit(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        return super().decode(data, max_pixels=1 << 60)


class LimitTooTight(TinyEncoder):
    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        return super().decode(data, max_pixels=max_pixels - 1)


class NoChecks(TinyEncoder):
    """Damage shows as struct.error, zlib.error, KeyError ..."""

    def decode(self, data: bytes, *, max_pixels: int) -> Decoded:
        header, pixels = unpack(data)
        if header["shape"][0] * header["shape"][1] > max_pixels:
            raise DecodeError("more pixels than allowed")
        return Decoded(array=np.frombuffer(pixels, header["dtype"]).reshape(header["shape"]), metadata=header["texts"])


class FillsUp(TinyEncoder):
    """A file that was cut off is read, with black where there is nothing."""

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


# --- classes that cannot be used --------------------------------------------------------------------------------------


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
