# Made by: python -m tests.stubs

from .errors import DecodeError as DecodeError
from .errors import EncodeError as EncodeError
from .errors import EncoderConflictError as EncoderConflictError
from .errors import EncoderNotFoundError as EncoderNotFoundError
from .errors import EncoderUnavailableError as EncoderUnavailableError
from .errors import EndOfSequenceError as EndOfSequenceError
from .errors import FrameExistsError as FrameExistsError
from .errors import FrameNameError as FrameNameError
from .errors import ImageError as ImageError
from .errors import ManifestError as ManifestError
from .errors import MetadataError as MetadataError
from .errors import OptionError as OptionError
from .errors import PluginError as PluginError
from .errors import RunError as RunError
from .errors import SaveError as SaveError
from .errors import SeqSaveError as SeqSaveError
from .errors import SeqSaveWarning as SeqSaveWarning
from .errors import SequenceNotFoundError as SequenceNotFoundError
from .errors import SourceError as SourceError
from .errors import SpoolError as SpoolError
from .errors import TargetError as TargetError
from .errors import WriterAbortedError as WriterAbortedError
from .errors import WriterClosedError as WriterClosedError
from .metadata.text import RawText as RawText
from .pictures.color import COLOR_SPACES as COLOR_SPACES
from .plugins.hookspecs import hookimpl as hookimpl
from .plugins.observers import register_observer as register_observer
from .plugins.observers import unregister_observer as unregister_observer
from .plugins.registry import FiletypeInfo as FiletypeInfo
from .plugins.registry import describe_filetypes as describe_filetypes
from .plugins.registry import filetypes as filetypes
from .plugins.registry import register_encoder as register_encoder
from .plugins.registry import unregister_encoder as unregister_encoder
from .runs import FrameRecord as FrameRecord
from .runs import Run as Run
from .runs import open_run as open_run
from .runtime.retry import RetryPolicy as RetryPolicy
from .saving import open_writer as open_writer
from .saving import save as save
from .sequences.finder import find_sequences as find_sequences
from .sequences.frame import Frame as Frame
from .sequences.opening import open_frame as open_frame
from .sequences.opening import open_sequence as open_sequence
from .sequences.reader import FrameSequence as FrameSequence
from .settings import WriterConfig as WriterConfig
from .settings import check_settings as check_settings
from .specs import EncoderSpec as EncoderSpec
from .specs import ObserverSpec as ObserverSpec
from .specs import Option as Option
from .specs import TargetSpec as TargetSpec
from .specs import Traits as Traits
from .spool.flush import flush as flush
from .spool.results import FlushResult as FlushResult
from .spool.results import FlushedFrame as FlushedFrame
from .targets.registry import register_target as register_target
from .targets.registry import unregister_target as unregister_target
from .types import ColorSpace as ColorSpace
from .types import Decoded as Decoded
from .types import Encoded as Encoded
from .types import Encoder as Encoder
from .types import Event as Event
from .types import FailedFrame as FailedFrame
from .types import FrameInfo as FrameInfo
from .types import ImageInfo as ImageInfo
from .types import SaveResult as SaveResult
from .types import SavedFrame as SavedFrame
from .writer import SequenceWriter as SequenceWriter

__version__: str

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
    "FlushResult",
    "FlushedFrame",
    "Frame",
    "FrameExistsError",
    "FrameInfo",
    "FrameNameError",
    "FrameRecord",
    "FrameSequence",
    "ImageError",
    "ImageInfo",
    "ManifestError",
    "MetadataError",
    "ObserverSpec",
    "Option",
    "OptionError",
    "PluginError",
    "RawText",
    "RetryPolicy",
    "Run",
    "RunError",
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
    "TargetSpec",
    "Traits",
    "WriterAbortedError",
    "WriterClosedError",
    "WriterConfig",
    "__version__",
    "check_settings",
    "describe_filetypes",
    "filetypes",
    "find_sequences",
    "flush",
    "hookimpl",
    "open_frame",
    "open_run",
    "open_sequence",
    "open_writer",
    "register_encoder",
    "register_observer",
    "register_target",
    "save",
    "unregister_encoder",
    "unregister_observer",
    "unregister_target",
]
