"""Keep frames in a local folder while their storage is unavailable, and publish them when it is available again."""

from seqsave import _lazy

_HOMES = {
    "before": "Before nothing unknown",
    "entries": "DamagedError Entry FileFacts Item NewerError fingerprint key_of",
    "opening": "VARIABLE default_folder open_spool",
    "publisher": "Publisher publisher_of",
    "rounds": "Outcome Records flush_place flush_spool overlaps",
    "store": "MAX_BYTES Contents Spool",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
