"""Make small JPEG pictures of frames: read, decode, show as the file states, encode.

Each picture is made once for all that wait for it. What was read and what was made is kept, up to a budget of each. No
web in it: callers get futures.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from seqsave.errors import DecodeError
from seqsave.look.flights import Cache, Flight, Flights
from seqsave.runtime import retry
from seqsave.runtime.pools import Pace, WorkerThreads
from seqsave.types import MAX_PIXELS, Decoded

if TYPE_CHECKING:
    from PIL import Image

    from seqsave.sequences.frame import Frame
    from seqsave.types import ImageArray

__all__ = [
    "CHANNELS",
    "SIZES",
    "Channel",
    "Look",
    "Made",
    "Proxies",
    "Size",
    "Source",
    "Stored",
    "encoded_image",
    "width_of",
]

Size = Literal["thumb", "half", "full"]
SIZES: tuple[Size, ...] = get_args(Size)
Channel = Literal["rgb", "r", "g", "b", "a", "luma"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
Stored = Callable[["Frame", Size], "bytes | None"]
"""Returns the picture of a frame that lies beside it, ready-made; None if none was made of its very file."""

# Bytes of pictures that were made, and twice those of files that were read. Browsers keep pictures as well.
BUDGET = 32 * 2**20
# Requests under way, enough to hide the latency of a storage behind a network.
READING = 8
# Pictures that are decoded at once at most: one takes 25 MB of memory if it is 1080p, and a page asks for four.
DECODING = 4
# Bytes that were read and wait for a free decoder, beyond which no more are read.
WAITING = 16 * 2**20
# The largest picture whose values are kept for the probe, in bytes: 4K in half floats.
PROBED = 72 * 2**20

# A person waits for a picture, and may ask for it again.
PATIENCE = retry.RetryPolicy(attempts=5, deadline=8.0, longest_wait=2.0, first_answer=8.0)

THUMB = 160
LEAST_HALF = 640
_QUALITY = {"thumb": 75, "half": 85, "full": 92}


@dataclass(frozen=True, slots=True)
class Look:
    """How a frame is shown. ``ev`` and ``gamma`` are applied to light, at the file's depth."""

    size: Size = "half"
    ev: float = 0.0
    gamma: float = 1.0
    channel: Channel = "rgb"

    @property
    def is_plain(self) -> bool:
        """Return whether it is a small picture, with nothing changed, as they are stored."""
        return self.size != "full" and (self.ev, self.gamma, self.channel) == (0.0, 1.0, "rgb")


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a frame's file, and the version that the storage stated when they were read; None without one."""

    data: bytes
    version: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """A JPEG picture, and the version of the file that it shows; None if the storage states none."""

    data: bytes
    version: str | None


class Proxies:
    """The pictures of frames. Thread-safe.

    max_pixels: W x H of the largest picture that is decoded.
    budget:     bytes of pictures that are kept, and twice those of files.
    """

    def __init__(self, *, max_pixels: int = MAX_PIXELS, budget: int = BUDGET) -> None:
        self.max_pixels = max_pixels
        self._sources: Cache[Source] = Cache(budget // 2, lambda source: len(source.data))
        self._pictures: Cache[Made] = Cache(budget, lambda made: len(made.data))
        self._reads: Flights[Source] = Flights()
        self._makes: Flights[Made] = Flights()
        self._reading = WorkerThreads(Pace(READING), "seqsave-look-read")
        self._decoding = WorkerThreads(Pace(min(DECODING, os.cpu_count() or 1)), "seqsave-look-decode")
        self._gate = _Gate(WAITING)
        self._ended = threading.Event()
        self._probed: tuple[Any, Decoded] | None = None

    def close(self) -> None:
        """End the threads. Work that has not begun is dropped, and what hangs does not keep the program alive."""
        self._ended.set()
        self._gate.close()
        self._reading.close()
        self._decoding.close()

    def source(self, frame: Frame) -> Future[Source]:
        """Return the bytes of a frame's file, read at most once at a time. The future raises TargetError."""
        key = _key(frame)
        future, flight = self._reads.join(key)
        if flight is not None:
            known = self._sources.get(key)
            if known is not None:
                flight.settle(lambda: known)
            else:
                _begin(self._reading, partial(self._read, frame, key, flight), flight)
        return future

    def picture(self, frame: Frame, look: Look, stored: Stored | None = None) -> Future[Made]:
        """Return a frame as a JPEG. The future raises TargetError, DecodeError, and as ``Frame.decode``.

        stored: returns pictures that were made when the frame was saved; the frame itself is read if it has none.
        """
        key = (_key(frame), look)
        future, flight = self._makes.join(key)
        if flight is None:
            return future
        known = self._pictures.get(key)
        if known is not None:
            flight.settle(lambda: known)
        elif stored is not None and look.is_plain:
            _begin(self._reading, partial(self._fetch, frame, key, look, stored, flight), flight)
        else:
            self._then(frame, flight, lambda source: self._make(frame, key, look, source))
        return future

    def decoded(self, frame: Frame) -> Future[Decoded]:
        """Return the decoded file; that of the last call is kept. Raises as ``picture``."""
        flights: Flights[Decoded] = Flights()
        future, flight = flights.join(None)
        assert flight is not None  # noqa: S101 - the first to join
        self._then(frame, flight, lambda source: self._decode(frame, source))
        return future

    def _fetch(self, frame: Frame, key: Any, look: Look, stored: Stored, flight: Flight[Made]) -> None:
        if not flight.is_wanted():
            return
        try:
            data = stored(frame, look.size)
        except BaseException as error:  # noqa: BLE001 - raised where the callers wait
            flight.fail(error)
            return
        if data is None:
            self._then(frame, flight, lambda source: self._make(frame, key, look, source))
            return
        made = Made(data, frame.version)
        self._pictures.put(key, made)
        flight.settle(lambda: made)

    def _read(self, frame: Frame, key: Any, flight: Flight[Source]) -> None:
        if self._gate.wait() and flight.is_wanted():
            flight.settle(lambda: self._kept_source(frame, key))

    def _kept_source(self, frame: Frame, key: Any) -> Source:
        target, path = frame.source
        data, published = retry.call(
            PATIENCE, lambda: target.read_published(path), stop_event=self._ended, contact=target.known
        )
        source = Source(data, published.version)
        self._sources.put(key, source)
        return source

    def _then(self, frame: Frame, flight: Flight[Any], make: Callable[[Source], Any]) -> None:
        """Read the file, and then do the work on a thread for decoding."""

        def queue(read: Future[Source]) -> None:
            size = 0 if read.cancelled() or read.exception() else len(read.result().data)
            self._gate.add(size)
            if not _begin(self._decoding, partial(work, read, size), flight):
                self._gate.add(-size)

        def work(read: Future[Source], size: int) -> None:
            try:
                if flight.is_wanted():
                    flight.settle(lambda: make(read.result()))
            finally:
                self._gate.add(-size)

        reading = self.source(frame)
        reading.add_done_callback(queue)
        flight.when_left(reading.cancel)

    def _make(self, frame: Frame, key: Any, look: Look, source: Source) -> Made:
        made = Made(jpeg_of(frame, source.data, look, self.max_pixels), source.version)
        self._pictures.put(key, made)
        return made

    def _decode(self, frame: Frame, source: Source) -> Decoded:
        key = (_key(frame), source.version)
        probed = self._probed
        if probed is not None and probed[0] == key:
            return probed[1]
        found = frame.decode(source.data, max_pixels=self.max_pixels)
        self._probed = (key, found) if found.array.nbytes <= PROBED else None
        return found


class _Gate:
    """Holds reading back while too many bytes wait for a decoder."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._closed = False
        self._changed = threading.Condition()

    def add(self, size: int) -> None:
        with self._changed:
            self._held += size
            self._changed.notify_all()

    def wait(self) -> bool:
        """Return once there is room; False once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._held < self._most)
            return not self._closed

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _begin(threads: WorkerThreads, work: Callable[[], None], flight: Flight[Any]) -> bool:
    """Give work to threads. If the system allows none, the callers get the error, and wait for nothing."""
    try:
        threads.put(work)
    except RuntimeError as error:
        flight.fail(error)
        return False
    return True


def _key(frame: Frame) -> Any:
    return frame.storage, frame.url, frame.version, frame.size


def width_of(width: int, size: Size) -> int:
    """Return the width of a proxy of a picture that is ``width`` pixels wide."""
    if size == "full":
        return width
    return min(width, THUMB) if size == "thumb" else max(width // 2, min(width, LEAST_HALF))


def jpeg_of(frame: Frame, data: bytes, look: Look, max_pixels: int) -> bytes:
    """Return the picture in a frame's file as a JPEG of sRGB colours. Raises as ``Frame.decode``."""
    from seqsave.pictures import display

    widths: list[int] = []

    def least_width(width: int) -> int:
        widths.append(width_of(width, look.size))
        return widths[-1]

    decoded = frame.decode(data, max_pixels=max_pixels, least_width=None if look.size == "full" else least_width)
    width = widths[-1] if widths else width_of(shown_size(decoded)[0], look.size)
    adjustment = display.Adjustment(ev=look.ev, gamma=look.gamma, channels=look.channel)
    extension = frame.name.rpartition(".")[2].lower()
    try:
        pixels = display.show(decoded.array, decoded.info, extension=extension, adjustment=adjustment, width=width)
        return encoded(pixels, look.size)
    except MemoryError as error:
        raise DecodeError(f"{frame.name}: there is not enough memory to show it", reason="too large") from error


def shown_size(decoded: Decoded) -> tuple[int, int]:
    """Return width and height of the whole picture, of which the pixels may be a window."""
    if decoded.info.display is not None:
        return decoded.info.display[2:]
    height, width = decoded.array.shape[:2]
    return decoded.canvas or (width, height)


def encoded(pixels: ImageArray, size: Size) -> bytes:
    """Return pixels, uint8 H,W,3, as a JPEG. At full size colours keep their resolution."""
    from PIL import Image

    return encoded_image(Image.fromarray(pixels), size)


def encoded_image(image: Image.Image, size: Size) -> bytes:
    """Return a picture of sRGB colours as a JPEG, as ``encoded`` does."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY[size], subsampling=0 if size == "full" else 2)
    return out.getvalue()
