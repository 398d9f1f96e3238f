# Made by: python -m tests.stubs

from .before import Before as Before
from .before import nothing as nothing
from .before import unknown as unknown
from .entries import DamagedError as DamagedError
from .entries import Entry as Entry
from .entries import FileFacts as FileFacts
from .entries import Item as Item
from .entries import NewerError as NewerError
from .entries import fingerprint as fingerprint
from .entries import key_of as key_of
from .opening import VARIABLE as VARIABLE
from .opening import default_folder as default_folder
from .opening import open_spool as open_spool
from .publisher import Publisher as Publisher
from .publisher import publisher_of as publisher_of
from .rounds import Outcome as Outcome
from .rounds import Records as Records
from .rounds import flush_place as flush_place
from .rounds import flush_spool as flush_spool
from .rounds import overlaps as overlaps
from .store import Contents as Contents
from .store import MAX_BYTES as MAX_BYTES
from .store import Spool as Spool

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
