"""Save image sequences to a folder, a bucket or memory: complete, in order, with their workflow inside.

``open_writer`` and ``save`` write, ``open_run`` lets many tasks write one sequence, ``open_sequence``,
``find_sequences`` and ``open_frame`` read, ``filetypes`` says which formats there are, and ``register_encoder`` or a
plugin (``hookimpl``) adds one.
"""

from seqsave import _lazy

__version__ = "0.1.0"

# Where each public name lives. The stub, which type checkers and editors read, is made from this: python -m tests.stubs
_HOMES = {
    "pictures.color": "COLOR_SPACES",
    "errors": (
        "DecodeError EncodeError EncoderConflictError EncoderNotFoundError EncoderUnavailableError EndOfSequenceError "
        "FrameExistsError FrameNameError ImageError ManifestError MetadataError OptionError PluginError RunError "
        "SaveError SeqSaveError SeqSaveWarning SequenceNotFoundError SourceError SpoolError TargetError "
        "WriterAbortedError WriterClosedError"
    ),
    "plugins.hookspecs": "hookimpl",
    "metadata.text": "RawText",
    "plugins.observers": "register_observer unregister_observer",
    "plugins.registry": "FiletypeInfo describe_filetypes filetypes register_encoder unregister_encoder",
    "runs": "FrameRecord Run open_run",
    "sequences.finder": "find_sequences",
    "sequences.opening": "open_frame open_sequence",
    "sequences.frame": "Frame",
    "sequences.reader": "FrameSequence",
    "runtime.retry": "RetryPolicy",
    "targets.registry": "register_target unregister_target",
    "spool.results": "FlushedFrame FlushResult",
    "specs": "EncoderSpec ObserverSpec Option TargetSpec Traits",
    "types": "ColorSpace Decoded Encoded Encoder Event FailedFrame FrameInfo ImageInfo SavedFrame SaveResult",
    "saving": "open_writer save",
    "settings": "WriterConfig check_settings",
    "spool.flush": "flush",
    "writer": "SequenceWriter",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
__all__ += ["__version__"]
