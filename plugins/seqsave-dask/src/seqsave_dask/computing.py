"""Compute the blocks of an array with the current scheduler of dask, and name the blocks that fail."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import dask
import dask.array as da
import dask.base
from dask.callbacks import Callback

import seqsave
from seqsave_dask.tasks import Block, blocks_in

__all__ = ["BlocksError", "check_workers", "compute_blocks", "scheduler_of"]

# What the scheduler and the workers of a cluster need.
_PACKAGES = ("seqsave", "seqsave_dask")


class BlocksError(Exception):
    """Blocks failed; ``__cause__`` is the reason. blocks: their positions on the first axis."""

    def __init__(self, blocks: Collection[int]) -> None:
        super().__init__(blocks)
        self.blocks = blocks


def scheduler_of(scheduler: Any, array: da.Array) -> Any:
    """Return the function of a scheduler, by default of the current one. Raises OptionError."""
    try:
        return dask.base.get_scheduler(scheduler=scheduler, collections=[array])
    except (RuntimeError, TypeError, ValueError) as error:
        raise seqsave.OptionError(f"scheduler is {scheduler!r:.80}: {error}") from None


def compute_blocks(written: da.Array, get: Any, retries: int) -> list[Block]:
    """Compute an array of ``write_block``, and return what its tasks return. get: as ``scheduler_of`` returns it.

    Raises BlocksError. KeyboardInterrupt and similar errors are raised as they are.
    """
    client = _client_of(get)
    if client is not None:
        return _on_cluster(client, written, retries)
    watch = _Watch(written.name)
    try:
        with watch:
            (found,) = dask.compute(written, scheduler=get)
    except Exception as error:
        raise BlocksError(watch.blocks) from error
    return blocks_in(found)


def check_workers(get: Any) -> None:
    """Check that the machines of a cluster have the packages: one without them ends at the first task.

    With no worker left, a computation would wait without end. Warns of versions that differ. Raises OptionError.
    """
    client = _client_of(get)
    if client is None:
        return
    found = client.get_versions(packages=list(_PACKAGES))
    own = found["client"]["packages"]
    others = {"the scheduler": found["scheduler"], **found["workers"]}
    for name in (one for one in _PACKAGES if own.get(one)):
        versions = {address: one["packages"].get(name) for address, one in others.items() if one}
        distribution = name.replace("_", "-")
        lacking = [address for address, version in versions.items() if not version]
        if lacking:
            raise seqsave.OptionError(
                f"{distribution} is not installed on {_some(lacking)}: install {distribution} {own[name]} there"
            )
        differing = [f"{version} on {address}" for address, version in versions.items() if version != own[name]]
        if differing:
            warnings.warn(
                f"{distribution} is {own[name]} here, and {_some(differing)}: install the same version on all machines",
                seqsave.SeqSaveWarning,
                stacklevel=4,
            )


def _some(texts: list[str]) -> str:
    shown = ", ".join(texts[:3])
    return shown if len(texts) <= 3 else f"{shown} and {len(texts) - 3} more"


def _client_of(get: Any) -> Any:
    """Return the client whose ``get`` it is; None for a scheduler of this machine."""
    client = getattr(get, "__self__", None)
    return client if hasattr(client, "persist") and hasattr(client, "scheduler_info") else None


def _on_cluster(client: Any, written: da.Array, retries: int) -> list[Block]:
    """Gather the records of each block as soon as it is done, and release it.

    The scheduler runs a finished task again if its result is lost with a worker. A released result is not needed again.
    """
    from distributed import as_completed, futures_of

    kept = client.persist(written, retries=retries)
    futures = {future.key: future for future in futures_of(kept)}
    del kept  # it would keep all results
    blocks: list[Block] = []
    try:
        for batch in as_completed([*futures.values()], with_results=True, raise_errors=False).batches():
            for future, result in batch:
                if future.status != "finished":
                    raise BlocksError([_block_of(future.key)]) from _cause_of(future, result)
                blocks += blocks_in(result)
                futures.pop(future.key).release()
    finally:
        if futures:  # after an error
            client.cancel([*futures.values()])
    return blocks


def _block_of(key: Any) -> int:
    """Return the position on the first axis. key: as of an array, (name, block, 0, ...)."""
    return int(key[1])


def _cause_of(future: Any, result: Any) -> BaseException:
    """Return the error of a future that failed or was cancelled. result: as of ``as_completed``."""
    error = result[1] if isinstance(result, tuple) and len(result) > 1 else result
    return error if isinstance(error, BaseException) else RuntimeError(f"the task was {future.status}")


class _Watch(Callback):  # type: ignore[misc]
    """Finds the blocks that need a failed task. dask's schedulers of threads and processes call it."""

    def __init__(self, name: str) -> None:
        super().__init__(finish=self._note)
        self._name = name
        self._failed: set[Any] = set()
        self._dependents: Mapping[Any, Collection[Any]] = {}

    def _note(self, graph: Any, state: Any, errored: bool) -> None:
        if errored and state:
            failed, running = _failed_key(sys.exc_info()[1]), set(state["running"])
            self._failed = {failed} if failed in running else running
            self._dependents = state["dependents"]

    @property
    def blocks(self) -> list[int]:
        """Return the blocks that need the failed task; those of all running tasks if that is not known."""
        ahead, seen = [*self._failed], set(self._failed)
        while ahead:
            new = set(self._dependents.get(ahead.pop(), ())) - seen
            seen |= new
            ahead += new
        return sorted(_block_of(key) for key in seen if isinstance(key, tuple) and key[0] == self._name)


def _failed_key(error: BaseException | None) -> Any:
    """Return the key of the task that dask's loop looked at last, in which the error was raised; None without one."""
    found = None
    for frame, _ in traceback.walk_tb(None if error is None else error.__traceback__):
        if frame.f_code.co_name == "get_async" and "key" in frame.f_locals:
            found = frame.f_locals["key"]
    return found
