"""Keep frames in a local folder while their storage is unavailable, and publish them when it is available again."""

from seqsave.spool.before import Before, nothing, unknown
from seqsave.spool.entries import DamagedError, Entry, FileFacts, Item, NewerError, fingerprint, key_of
from seqsave.spool.opening import VARIABLE, default_folder, open_spool
from seqsave.spool.publisher import Publisher, publisher_of
from seqsave.spool.rounds import Outcome, Records, flush_place, flush_spool, overlaps
from seqsave.spool.store import MAX_BYTES, Contents, Spool

__all__ = [
    "MAX_BYTES",
    "VARIABLE",
    "Before",
    "Contents",
    "DamagedError",
    "Entry",
    "FileFacts",
    "Item",
    "NewerError",
    "Outcome",
    "Publisher",
    "Records",
    "Spool",
    "default_folder",
    "fingerprint",
    "flush_place",
    "flush_spool",
    "key_of",
    "nothing",
    "open_spool",
    "overlaps",
    "publisher_of",
    "unknown",
]
