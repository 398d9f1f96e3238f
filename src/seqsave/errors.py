"""The errors that seqsave raises.

Each one is also the builtin error that callers expect, so ``except OSError`` around a save keeps working::

    SeqSaveError(Exception)
    ├── SaveError                (OSError)            closing a writer: some frames are not saved; has .result
    ├── TargetError              (OSError)            a storage or its URL; has .transient, .throttled, .fault
    ├── SpoolError               (OSError)            the folder of frames for an unavailable storage; has .reason
    ├── FrameExistsError         (FileExistsError)    if_exists="error" and the frame exists
    ├── EndOfSequenceError       (IndexError)         at_end="raise error" and the frame is past the last one
    ├── SequenceNotFoundError    (FileNotFoundError)  no such sequence or frame
    ├── ImageError               (ValueError)         a picture of the wrong shape, type or size
    ├── FrameNameError           (ValueError)         a prefix, index, batch or number of digits
    ├── MetadataError            (ValueError)         metadata that is not JSON
    ├── OptionError              (ValueError)         an encoder option or a setting of the writer
    ├── SourceError              (ValueError)         a source that cannot be read as frames
    ├── ManifestError            (ValueError)         a manifest that is damaged, or of a newer version
    ├── RunError                 (RuntimeError)       a run of many tasks cannot be committed; has .reason, .frames
    ├── EncoderNotFoundError     (LookupError)        the file type is unknown
    ├── EncoderConflictError     (RuntimeError)       two encoders claim one file type
    ├── EncoderUnavailableError  (ImportError)        the encoder's backend is not installed
    ├── EncodeError              (RuntimeError)       an encoder failed on a picture that it declares to accept
    ├── DecodeError              (ValueError)         a file that cannot be decoded; has .reason
    ├── PluginError              (RuntimeError)       a broken plugin, in strict mode
    ├── WriterClosedError        (RuntimeError)       writing to a closed writer, or from a forked child
    └── WriterAbortedError       (RuntimeError)       the frame was given up after an earlier failure

``EndOfSequenceError`` is not a ``StopIteration``, because a generator would swallow that.

Errors that the documentation explains have ``help_url``, the address of that section.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from seqsave.types import SaveResult

__all__ = [
    "DecodeError",
    "EncodeError",
    "EncoderConflictError",
    "EncoderNotFoundError",
    "EncoderUnavailableError",
    "EndOfSequenceError",
    "FrameExistsError",
    "FrameNameError",
    "ImageError",
    "ManifestError",
    "MetadataError",
    "OptionError",
    "PluginError",
    "RunError",
    "SaveError",
    "SeqSaveError",
    "SeqSaveWarning",
    "SequenceNotFoundError",
    "SourceError",
    "SpoolError",
    "TargetError",
    "WriterAbortedError",
    "WriterClosedError",
]

DOCS = "https://seqsave.github.io/seqsave/"
"""The site of the documentation: the address that pyproject.toml states as well."""
DOCS_VARIABLE = "SEQSAVE_DOCS_URL"
"""Environment variable: the address of a copy of the site; if it is empty, errors name no page."""

Topic = Literal[
    "after-the-end",
    "bad-secret",
    "clock",
    "contradiction",
    "damaged-file",
    "damaged-manifest",
    "denied",
    "disk-full",
    "exists",
    "expired",
    "frames-axes",
    "lost-bits",
    "missing-records",
    "no-answer",
    "no-bucket",
    "no-credentials",
    "no-sequence",
    "not-json",
    "not-permitted",
    "not-saved",
    "outside",
    "picture-axes",
    "several-sequences",
    "spool-full",
    "storage-not-installed",
    "throttled",
    "unknown-color",
    "unknown-filetype",
    "unknown-key",
    "unknown-option",
    "unknown-setting",
    "unknown-storage",
    "unreachable",
    "unsafe-spool",
    "untrusted",
    "video-damaged",
    "video-package",
    "writer-closed",
    "written-twice",
    "wrong-place",
]
"""The sections of docs/troubleshooting.md that errors lead to: their anchors, which stay as they are."""

Cause = Literal[
    "missing",
    "exists",
    "no_container",
    "no_folder",
    "bad_name",
    "too_long",
    "too_large",
    "bad_key",
    "bad_secret",
    "expired",
    "no_credentials",
    "bad_credentials",
    "second_factor",
    "no_profile",
    "denied",
    "clock",
    "wrong_place",
    "throttled",
    "server",
    "conflict",
    "damaged",
    "timeout",
    "broken",
    "unreachable",
    "no_host",
    "untrusted",
    "outside",
    "full",
    "quota",
    "read_only",
    "not_permitted",
    "not_a_folder",
    "is_a_folder",
    "in_use",
    "too_many_files",
    "disk",
    "unsupported",
    "ending",
    "not_installed",
    "bad_option",
    "bad_endpoint",
    "unknown",
]
"""The cause of a backend's failure: ``TargetError.fault``. The names are stable, the messages are not."""

SpoolReason = Literal["full", "in use", "damaged", "unusable", "unpublished", "deleted", "newer", "unsafe"]
"""Why a spool failed: ``SpoolError.reason``."""


DecodeReason = Literal["damaged", "unsupported", "too large"]
"""Why a file could not be decoded: ``DecodeError.reason``."""

SourceReason = Literal["damaged", "unsuitable"]
"""Why a source cannot be read: ``SourceError.reason``."""

RunReason = Literal["missing", "replaced", "foreign", "unknown"]
"""Why a run over many tasks could not be committed: ``RunError.reason``."""


_TOPICS: dict[str, Topic] = {
    "exists": "exists",
    "no_container": "no-bucket",
    "bad_key": "unknown-key",
    "bad_secret": "bad-secret",
    "expired": "expired",
    "no_credentials": "no-credentials",
    "bad_credentials": "no-credentials",
    "second_factor": "no-credentials",
    "no_profile": "no-credentials",
    "denied": "denied",
    "clock": "clock",
    "wrong_place": "wrong-place",
    "throttled": "throttled",
    "server": "no-answer",
    "timeout": "no-answer",
    "broken": "no-answer",
    "unreachable": "unreachable",
    "no_host": "unreachable",
    "untrusted": "untrusted",
    "outside": "outside",
    "full": "disk-full",
    "quota": "disk-full",
    "not_permitted": "not-permitted",
    "not_installed": "storage-not-installed",
}
"""The topic of each cause, ``TargetError.fault``, whose message leaves something to explain."""

_SPOOL_TOPICS: dict[str, Topic] = {"full": "spool-full", "unsafe": "unsafe-spool"}


def address_of(topic: str) -> str:
    """Return the address of a section of the documentation, without a password that the variable may hold."""
    base = os.environ.get(DOCS_VARIABLE, DOCS).strip().partition("#")[0].partition("?")[0]
    if not base or not topic:
        return ""
    scheme, slashes, rest = base.rpartition("://")
    host, slash, path = rest.partition("/")
    base = f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"
    return f"{base.rstrip('/')}/troubleshooting.html#{topic}"


class SeqSaveError(Exception):
    """Base class of all errors of seqsave.

    topic:     the section of the documentation that helps, ``""`` without one. A class has one, or an error its own.
    saved:     number of frames that are saved, if the error left a writer's ``with`` block; otherwise None.
    aftermath: what happened to the accepted frames, in words; appended to the message.
    frame:     index of the frame that an encoder could not encode, the beginning of the message; otherwise None.
    """

    topic: Topic | Literal[""] = ""
    saved: int | None = None
    aftermath: str = ""
    frame: int | None = None

    def __init__(self, *args: object, topic: Topic | Literal[""] = "") -> None:
        super().__init__(*args)
        if topic:
            self.topic = topic
        self._note()

    @property
    def help_url(self) -> str:
        """Return the address of the section that helps, ``""`` without one; SEQSAVE_DOCS_URL moves the pages."""
        return address_of(self.topic) or (self.__cause__.help_url if isinstance(self.__cause__, SeqSaveError) else "")

    def _note(self) -> None:
        """End the error's traceback with the address, on Pythons that have notes."""
        if (address := address_of(self.topic)) and hasattr(self, "add_note"):
            self.add_note(f"Help: {address}")

    def __str__(self) -> str:
        # args[0] and not super().__str__(): LookupError and OSError print themselves in their own ways.
        text = str(self.args[0]) if self.args else type(self).__name__
        text = text if self.frame is None else f"frame {self.frame}: {text}"
        return f"{text} ({self.aftermath})" if self.aftermath else text


class SaveError(SeqSaveError, OSError):
    """Some frames are not saved. ``result`` lists saved and failed frames; ``__cause__`` is the first cause."""

    topic = "not-saved"

    def __init__(self, message: str, result: SaveResult | None = None, *, topic: Topic | Literal[""] = "") -> None:
        super().__init__(message, topic=topic)
        self.result = result


class TargetError(SeqSaveError, OSError):
    """A storage failed or its URL cannot be used.

    transient: the same request may succeed later (throttling, a reset, a time-out, a 5xx).
    throttled: the storage asks for fewer requests.
    fault:     what a backend failed with, one of ``Cause`` (``"unreachable"``, ``"expired"``, ``"full"``); ``""`` if
               the error comes from no backend.
    answered:  the storage, or a proxy before it, answered the request with this error.
    """

    def __init__(
        self,
        message: str,
        *,
        transient: bool = False,
        throttled: bool = False,
        fault: Cause | Literal[""] = "",
        answered: bool = False,
        topic: Topic | Literal[""] = "",
    ) -> None:
        super().__init__(message, topic=topic or _TOPICS.get(fault, ""))
        self.transient = transient
        self.throttled = throttled
        self.fault = fault
        self.answered = answered


class SpoolError(SeqSaveError, OSError):
    """A spool, the folder that keeps frames while their storage is unavailable, failed.

    reason: ``"full"``: its size limit is reached, or its disk is full. ``"in use"``: another process or thread is
            publishing the same frames. ``"damaged"``: an entry has changed. ``"unusable"``: its folder cannot be read
            or written. ``"unpublished"``: its frames are not published yet. ``"deleted"``: an entry was deleted before
            its frame was published. ``"newer"``: a newer version of seqsave has made the entry. ``"unsafe"``:
            other users can write into its folder, or own it.
    """

    def __init__(self, message: str, *, reason: SpoolReason = "unusable") -> None:
        super().__init__(message, topic=_SPOOL_TOPICS.get(reason, ""))
        self.reason = reason


class FrameExistsError(SeqSaveError, FileExistsError):
    """The frame exists and ``if_exists="error"``."""


class EndOfSequenceError(SeqSaveError, IndexError):
    """The frame is past the last one and ``at_end="raise error"``."""

    topic = "after-the-end"


class SequenceNotFoundError(SeqSaveError, FileNotFoundError):
    """The sequence, or a frame of it, does not exist."""


class ImageError(SeqSaveError, ValueError):
    """A picture whose shape, dtype, channels or size cannot be saved."""


class FrameNameError(SeqSaveError, ValueError):
    """A prefix, index, batch or number of digits from which no valid name can be made."""


class MetadataError(SeqSaveError, ValueError):
    """Metadata that cannot be written as JSON."""


class OptionError(SeqSaveError, ValueError):
    """An unknown or unsuitable encoder option, or a setting of the writer that does not exist."""


class SourceError(SeqSaveError, ValueError):
    """A source whose content cannot be read as frames.

    reason: ``"damaged"``: the file is damaged, or is not of the kind that its name says. ``"unsuitable"``: it has no
            frames of the requested kind.
    """

    def __init__(self, message: str, *, reason: SourceReason = "unsuitable", topic: Topic | Literal[""] = "") -> None:
        super().__init__(message, topic=topic)
        self.reason = reason


class ManifestError(SeqSaveError, ValueError):
    """A manifest that is damaged, or written by a newer version of seqsave (``is_newer``)."""

    def __init__(self, message: str, *, is_newer: bool = False) -> None:
        super().__init__(message, topic="" if is_newer else "damaged-manifest")
        self.is_newer = is_newer


class RunError(SeqSaveError, RuntimeError):
    """A run over many tasks cannot be committed as it is. Nothing was changed, and it can be committed later.

    reason: ``"missing"``: frames have no record, or are gone. ``"replaced"``: the storage has bytes of these frames
            that no record describes. ``"foreign"``: records belong to another run. ``"unknown"``: the run does not
            exist.
    frames: the indices of the frames, as ascending ranges.
    """

    def __init__(self, message: str, *, reason: RunReason, frames: tuple[range, ...] = ()) -> None:
        super().__init__(message, topic="missing-records" if reason == "missing" else "")
        self.reason = reason
        self.frames = frames

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(RunError, reason=self.reason, frames=self.frames), self.args, vars(self)


class EncoderNotFoundError(SeqSaveError, LookupError):
    """No encoder has this file type."""


class EncoderConflictError(SeqSaveError, RuntimeError):
    """Two encoders claim the same file type."""


class EncoderUnavailableError(SeqSaveError, ImportError):
    """The encoder is known, but a package that it needs is not installed."""


class EncodeError(SeqSaveError, RuntimeError):
    """An encoder failed on a picture that its declaration accepts."""


class DecodeError(SeqSaveError, ValueError):
    """A file that cannot be decoded.

    reason: ``"damaged"``: the file is damaged, or is not of this format. ``"unsupported"``: it may be sound, but this
            decoder does not read its kind, such as an EXR file with several parts. ``"too large"``: the picture has
            more pixels than ``max_pixels`` allows, or than memory holds.
    pixels: W x H of a picture that is too large, as far as it is known; otherwise 0.
    """

    def __init__(self, message: str, *, reason: DecodeReason = "damaged", pixels: int = 0) -> None:
        super().__init__(message, topic="damaged-file" if reason == "damaged" else "")
        self.reason = reason
        self.pixels = pixels


class PluginError(SeqSaveError, RuntimeError):
    """A broken plugin, with ``SEQSAVE_STRICT_PLUGINS=1``."""


class WriterClosedError(SeqSaveError, RuntimeError):
    """The writer is closed, or belongs to another process (a forked child)."""

    topic = "writer-closed"


class WriterAbortedError(SeqSaveError, RuntimeError):
    """The frame was given up after an earlier failure."""


class SeqSaveWarning(UserWarning):
    """Frames were saved with a deviation: clipped values, metadata in a sidecar file, frames of different sizes."""
