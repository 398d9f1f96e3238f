"""Save in the background: frames are stored in seqsave's spool, and published while the next ones are rendered.

This is used for storages on other machines, once a first frame has been published there, unless the administrator has
disabled it (``settings``). After a failure, the next graph that saves there fails, and the frames stay in the spool.
A conflict, which stays until a user resolves it, makes one graph of its own sequence fail; for others it is logged.
Nodes that read from a target wait until its frames are published. While no frame waits, no storage is accessed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from seqsave import SeqSaveError, SpoolError, naming
from seqsave.spool import Publisher, Spool, fingerprint, open_spool

from . import settings

if TYPE_CHECKING:
    from seqsave import SavedFrame
    from seqsave.targets import Target

__all__ = ["conflict", "log_waiting", "note_saved", "trouble", "wait_for", "writer_settings"]

_log = logging.getLogger(__name__)


def writer_settings(target: Target) -> Mapping[str, Any]:
    """Return further settings of a writer; an empty dictionary if it has to wait for the storage."""
    if target.is_fast or not settings.load().publish_behind or _container(target) not in _proven:
        return {}
    if _usable_spool() is None:
        return {}
    return {"spool": True, "publish_behind": True}


def note_saved(target: Target) -> None:
    """Record that a frame was published to ``target``, so its address and credentials are right."""
    if not target.is_fast:
        _proven.add(_container(target))


def trouble(target: Target) -> SpoolError | None:
    """Return the error of earlier graphs whose frames could not be published to ``target``, since the last call.

    Raise it when the frames of this graph are safe.
    """
    text = _publisher(_spool()).trouble(target.identity())
    if not text:
        return None
    return SpoolError(
        f"{text}. The frames of this graph are safe in the spool too. Publishing is tried again in the background; "
        "'seqsave flush' publishes them at any time"
    )


def conflict(target: Target, saved: Iterable[SavedFrame]) -> SpoolError | None:
    """Return the error of a conflict in the sequence of these frames that no call has returned; log those of others."""
    publisher, names = _publisher(_spool()), {_sequence(frame.url) for frame in saved}
    where = target.identity()
    own = publisher.conflicts(where, lambda entry: _sequence(f"{entry.target.rstrip('/')}/{entry.path}") in names)
    for outcome in publisher.conflicts(where):
        _log.warning("a frame of another sequence stays in the spool: %s", outcome.message)
    if not own:
        return None
    more = f" ({len(own)} frames of this sequence)" if len(own) > 1 else ""
    text = f"a frame that an earlier graph saved was not published{more}: {own[0].message}"
    return SpoolError(f"{text}. The frames of this graph are safe")


def _sequence(url: str) -> tuple[str, str, str, str]:
    """Return what the frames of a sequence and its variations have in common: folder, head, tail and extension."""
    folder, _, name = url.rpartition("/")
    above, _, last = folder.rpartition("/")
    found = naming.split_name(name)
    pattern = (name, "", "") if found is None else (found[0].head, found[0].tail, found[0].extension)
    return (above if naming.parse_batch_folder(last) is not None else folder, *pattern)


def wait_for(target: Target) -> None:
    """Wait until all frames that were saved to this target, or above or below it, are published.

    Raises SpoolError if they cannot be published, except conflicts, whose files exist: ``conflict`` reports them. Do
    not call it on the node's thread, which must respond to the interrupt button.
    """
    spool = _usable_spool()
    if spool is None:  # no frame of this server waits there
        return
    publisher = _publisher(spool)
    if publisher.is_idle and not any(map(spool.newest, spool.identities())):
        return
    where = target.identity()
    publisher.adopt(where)
    publisher.wait(where, concerns=lambda _: False)


def log_waiting() -> None:
    """Log how many frames earlier runs of this server left in the spool."""
    try:
        spool = _spool()
        count = sum(entry.is_frame for entry in spool.contents().entries)
    except SeqSaveError as error:
        _log.warning("%s", error)
        return
    if count:
        _log.warning(
            "%s in the spool %s, to be published when a graph uses that target again, or by 'seqsave flush'",
            "1 frame of earlier graphs waits" if count == 1 else f"{count} frames of earlier graphs wait",
            spool.folder,
        )


# Buckets and other containers to which this server has published a frame. The first graph that saves there waits, so
# that it reports a wrong address or key.
_proven: set[str] = set()
# Reasons why there is no spool that were already logged.
_reported: set[str] = set()


def _container(target: Target) -> str:
    place = dict(target.identity())
    place["root"] = place["root"].strip("/").partition("/")[0]
    # Two configured names may mean the same bucket with different keys.
    return fingerprint({**place, "name": target.url.partition("://")[0]})


def _publisher(spool: Spool) -> Publisher:
    from seqsave.writer import publisher_behind  # here, because it imports numpy

    return publisher_behind(spool)


def _usable_spool() -> Spool | None:
    """Return the spool; None, with one warning in the log, if this user has none or it cannot be used."""
    try:
        return _spool()
    except SeqSaveError as error:
        if str(error) not in _reported:
            _reported.add(str(error))
            _log.warning("graphs have to wait for the storage, because there is no spool: %s", error)
        return None


def _spool() -> Spool:
    spool = open_spool(True)
    assert spool is not None  # noqa: S101 - True never is
    return spool
