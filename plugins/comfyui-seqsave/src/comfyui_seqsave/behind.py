"""Saving behind the graph: frames are safe in seqsave's spool first, and published while the next ones are rendered.

For places that are not on this machine, unless the administrator does not want it (``settings``), and once a frame has
arrived there. A failure makes the next graph red that saves there, and the frames stay in the spool. Whoever reads a
place waits for what is still to be published there. While nothing waits, nothing is asked of any storage.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqsave import SeqSaveError, SpoolError
from seqsave.spool import Publisher, Spool, fingerprint, open_spool

from . import settings

if TYPE_CHECKING:
    from seqsave.targets import Target

__all__ = ["note_saved", "tell_waiting", "trouble", "wait_for", "writer_settings"]

_log = logging.getLogger(__name__)


def writer_settings(target: Target) -> Mapping[str, Any]:
    """What a writer is told beside everything else: nothing, where it is to wait for the storage."""
    if target.is_fast or not settings.load().publish_behind or _container(target) not in _proven:
        return {}
    return {"spool": True, "publish_behind": True}


def note_saved(target: Target) -> None:
    """A frame has arrived there: the address is right, and so are the credentials."""
    if not target.is_fast:
        _proven.add(_container(target))


def trouble(target: Target) -> SpoolError | None:
    """What to raise because frames of graphs before this one could not be published there, since this was last asked.

    To be raised when the frames of this graph are safe.
    """
    text = _publisher(_spool()).trouble(target.identity())
    if not text:
        return None
    return SpoolError(f"{text}. What this graph saves is safe there too. It is tried again, also by 'seqsave flush'")


def wait_for(target: Target) -> None:
    """Wait until everything that was saved to this place, or above or below it, is there.

    Raises SpoolError when it cannot be published. To be called on a thread on which nobody waits for the button.
    """
    spool = _spool()
    publisher = _publisher(spool)
    if publisher.is_idle and not any(map(spool.newest, spool.identities())):
        return
    where = target.identity()
    publisher.adopt(where)
    publisher.wait(where)


def tell_waiting() -> None:
    """Say in the log what former runs of this server have left."""
    try:
        spool = _spool()
        count = sum(entry.is_frame for entry in spool.contents().entries)
    except SeqSaveError as error:
        _log.warning("%s", error)
        return
    if count:
        _log.warning(
            "%d frames that were saved before wait in the spool %s: they are published when a graph uses that place "
            "again, or by 'seqsave flush'",
            count,
            spool.folder,
        )


# Buckets and the like in which a frame of this server's has arrived. A mistake in an address or a key is told by the
# very graph that saves there first.
_proven: set[str] = set()


def _container(target: Target) -> str:
    place = dict(target.identity())
    place["root"] = place["root"].strip("/").partition("/")[0]
    # Two configured names may mean the same bucket with different keys.
    return fingerprint({**place, "name": target.url.partition("://")[0]})


def _publisher(spool: Spool) -> Publisher:
    from seqsave.writer import publisher_behind  # here, as numpy comes with it

    return publisher_behind(spool)


def _spool() -> Spool:
    spool = open_spool(True)
    assert spool is not None  # noqa: S101 - True never is
    return spool
