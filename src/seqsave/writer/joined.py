"""One future for all files of a frame."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError

from seqsave.types import SavedFrame

__all__ = ["joined"]


def joined(futures: Sequence[Future[SavedFrame]]) -> Future[SavedFrame]:
    """One future for all files of a frame: the first file's record, once all of them are saved, or what failed."""
    if len(futures) == 1:
        return futures[0]
    whole: Future[SavedFrame] = Future()
    whole.set_running_or_notify_cancel()

    def look(_: Future[SavedFrame]) -> None:
        if all(future.done() for future in futures) and not whole.done():
            failures = [future.exception() for future in futures if not future.cancelled()]
            failure = next((one for one in failures if one is not None), None)
            with contextlib.suppress(InvalidStateError):  # two files may end at the same moment
                if failure is not None:
                    whole.set_exception(failure)
                else:
                    whole.set_result(futures[0].result())

    for future in futures:
        future.add_done_callback(look)
    return whole
