"""Save image sequences to a folder, a bucket or memory: whole, in order, with their workflow inside.

``open_writer`` and ``save`` write, ``open_sequence`` and ``find_sequences`` read, ``filetypes`` says which formats
there are, and ``register_encoder`` or a plugin (``hookimpl``) adds one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqsave.errors import (
        DecodeError,
        EncodeError,
        EncoderConflictError,
        EncoderNotFoundError,
        EncoderUnavailableError,
        EndOfSequenceError,
        FrameExistsError,
        FrameNameError,
        ImageError,
        ManifestError,
        MetadataError,
        OptionError,
        PluginError,
        SaveError,
        SeqSaveError,
        SeqSaveWarning,
        SequenceNotFoundError,
        SourceError,
        SpoolError,
        TargetError,
        WriterAbortedError,
        WriterClosedError,
    )
    from seqsave.metadata.text import RawText
    from seqsave.pictures.color import COLOR_SPACES
    from seqsave.plugins.hookspecs import hookimpl
    from seqsave.plugins.registry import (
        FiletypeInfo,
        describe_filetypes,
        filetypes,
        register_encoder,
        unregister_encoder,
    )
    from seqsave.runtime.retry import RetryPolicy
    from seqsave.sequences.finder import find_sequences, open_sequence
    from seqsave.sequences.reader import Frame, FrameSequence
    from seqsave.types import (
        ColorSpace,
        Decoded,
        Encoded,
        Encoder,
        EncoderSpec,
        Event,
        FailedFrame,
        FrameInfo,
        Option,
        SavedFrame,
        SaveResult,
    )
    from seqsave.writer import SequenceWriter, WriterConfig, check_settings, open_writer, save

__all__ = [
    "COLOR_SPACES",
    "ColorSpace",
    "DecodeError",
    "Decoded",
    "EncodeError",
    "Encoded",
    "Encoder",
    "EncoderConflictError",
    "EncoderNotFoundError",
    "EncoderSpec",
    "EncoderUnavailableError",
    "EndOfSequenceError",
    "Event",
    "FailedFrame",
    "FiletypeInfo",
    "Frame",
    "FrameExistsError",
    "FrameInfo",
    "FrameNameError",
    "FrameSequence",
    "ImageError",
    "ManifestError",
    "MetadataError",
    "Option",
    "OptionError",
    "PluginError",
    "RawText",
    "RetryPolicy",
    "SaveError",
    "SaveResult",
    "SavedFrame",
    "SeqSaveError",
    "SeqSaveWarning",
    "SequenceNotFoundError",
    "SequenceWriter",
    "SourceError",
    "SpoolError",
    "TargetError",
    "WriterAbortedError",
    "WriterClosedError",
    "WriterConfig",
    "__version__",
    "check_settings",
    "describe_filetypes",
    "filetypes",
    "find_sequences",
    "hookimpl",
    "open_sequence",
    "open_writer",
    "register_encoder",
    "save",
    "unregister_encoder",
]

__version__ = "0.1.0"

# Where each public name lives. Nothing is imported before it is asked for, so that "import seqsave" costs next to
# nothing; the imports above are for type checkers only, and a test holds the lists together.
_HOMES = {
    "pictures.color": "COLOR_SPACES",
    "errors": (
        "DecodeError EncodeError EncoderConflictError EncoderNotFoundError EncoderUnavailableError EndOfSequenceError "
        "FrameExistsError FrameNameError ImageError ManifestError MetadataError OptionError PluginError SaveError "
        "SeqSaveError SeqSaveWarning SequenceNotFoundError SourceError SpoolError TargetError WriterAbortedError "
        "WriterClosedError"
    ),
    "plugins.hookspecs": "hookimpl",
    "metadata.text": "RawText",
    "plugins.registry": "FiletypeInfo describe_filetypes filetypes register_encoder unregister_encoder",
    "sequences.finder": "find_sequences open_sequence",
    "sequences.reader": "Frame FrameSequence",
    "runtime.retry": "RetryPolicy",
    "types": "ColorSpace Decoded Encoded Encoder EncoderSpec Event FailedFrame FrameInfo Option SavedFrame SaveResult",
    "writer": "SequenceWriter WriterConfig check_settings open_writer save",
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
