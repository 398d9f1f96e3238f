"""Keep frames in a local folder while their storage is unavailable, and publish them when it is available again."""

from seqsave.spool.entries import DamagedError, Entry, FileFacts, Item, fingerprint, key_of
from seqsave.spool.flush import Outcome, Records, flush_place, flush_spool, overlaps
from seqsave.spool.publisher import Publisher, publisher_of
from seqsave.spool.store import MAX_BYTES, VARIABLE, Contents, Spool, default_folder, open_spool

__all__ = [
    "MAX_BYTES",
    "VARIABLE",
    "Contents",
    "DamagedError",
    "Entry",
    "FileFacts",
    "Item",
    "Outcome",
    "Publisher",
    "Records",
    "Spool",
    "default_folder",
    "fingerprint",
    "flush_place",
    "flush_spool",
    "key_of",
    "open_spool",
    "overlaps",
    "publisher_of",
]
