"""What one page looks at: sequences under fixed numbers, their pictures, and what changes while it is open.

All methods are called on one event loop. Storages are asked on other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from seqsave.errors import SeqSaveError
from seqsave.look.catalog import Catalog, Catalogs, Facts, Seen, Shown, facts_of, reason_of
from seqsave.look.proxies import Proxies
from seqsave.runtime.threads import run_in_thread
from seqsave.sequences.frame import Frame
from seqsave.types import Decoded

__all__ = ["Viewer"]

# Seconds between two looks at the storage: at first, and at most if nothing changes.
SOONEST, LATEST = 2.0, 30.0
SLOWER = 1.5
# Sequences whose first frame is read before the page gets its list. The others follow.
AT_ONCE = 8
# Seconds in which frames that turn out to be broken are collected before the page is notified.
COLLECTED = 0.5
# Seconds without a picture after which a frame is read that nothing has asked for.
QUIET = 1.0
# Events that a page may be behind before it has to load all frames of a sequence again.
MOST_EVENTS = 1000

Event = tuple[str, dict[str, Any]]


class Listener(asyncio.Queue["Event | None"]):
    """The events of one page that it has not got yet. missed: sequences of which some do not come."""

    def __init__(self) -> None:
        super().__init__()
        self.missed: set[int] = set()


class Viewer:
    """The sequences of one page.

    seen:    as ``catalog`` has found them.
    on_note: called with what the person who started the server should know.
    """

    def __init__(
        self,
        catalog: Catalog | Catalogs,
        seen: Sequence[Seen],
        proxies: Proxies,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.catalog = catalog
        self.proxies = proxies
        self.id = secrets.token_hex(4)
        """Shows a page that another server answers, which knows nothing of what the page has seen."""
        self._on_note = on_note
        self._lacking: set[int] = set()
        self.shown: list[Shown] = []
        self._numbers: dict[Any, Shown] = {}
        self._listeners: set[Listener] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._describing: dict[int, asyncio.Task[None]] = {}
        self._following: asyncio.Task[None] | None = None
        self._noted: set[int] = set()
        self._waiting: set[int] = set()  # sequences whose first frame is read some time after a picture was sent
        self._sent = 0.0  # when the last one was
        self.is_closed = False
        for one in seen:
            if one.key not in self._numbers:  # two places may lead to one sequence
                self._add(one)

    def close(self) -> None:
        """End the event streams, and give up what is under way."""
        self.is_closed = True
        for queue in self._listeners:
            queue.put_nowait(None)
        for task in (*self._tasks, *self._describing.values()):
            task.cancel()
        if self._following is not None:
            self._following.cancel()

    # --- the list ---

    async def document(self) -> dict[str, Any]:
        """Return the list of sequences for the page."""
        first = [self._describe(one) for one in self.shown]
        if first:
            await asyncio.wait(first[:AT_ONCE])
        listed = [self._document_of(one) for one in self.shown]
        return {"sequences": listed, "default_rate": [24, 1], "viewer": self.id}

    def _document_of(self, shown: Shown) -> dict[str, Any]:
        document = shown.document()
        text = json.dumps([self.id, document], sort_keys=True)
        return {**document, "version": hashlib.blake2s(text.encode(), digest_size=8).hexdigest()}

    def frame(self, number: int, index: int, position: int) -> tuple[Shown, int | None, Frame | None]:
        """Return a sequence, the batch at this position, and its frame; None if it is missing. Raises LookupError."""
        shown = self.shown[number] if 0 <= number < len(self.shown) else None
        if shown is None or not 0 <= position < len(shown.batches):
            raise LookupError(number)
        batch = shown.batches[position]
        return shown, batch, shown.frame(index, batch)

    def note_failure(self, shown: Shown, frame: Frame, error: BaseException) -> None:
        """Record that a frame cannot be shown, and notify the page."""
        reason = reason_of(error)
        if reason == "missing":
            self._look_soon()
        elif reason == "broken" and (frame.index, frame.batch) not in shown.broken:
            shown.broken[frame.index, frame.batch] = str(error)
            self._notify_later(shown.id)

    def note_picture(self, shown: Shown, frame: Frame, version: str | None) -> None:
        """Record that a picture was sent, of this version of the frame's file; one not listed yet is looked for."""
        self._sent = asyncio.get_running_loop().time()
        if shown.id in self._waiting:
            self._waiting.discard(shown.id)
            self._begin(self._read_later(shown))
        if version is not None and frame.version is not None and version != frame.version:
            self._look_soon()

    def note_lacking(self, shown: Shown) -> None:
        """Report, once, that a sequence has stored proxies, and some frame none of its present file."""
        frame = None if shown.stored is None else shown.stored.lacking
        if frame is None or shown.growing or shown.id in self._lacking:
            return
        self._lacking.add(shown.id)
        sequence = shown.sequence
        self._on_note(
            f"{sequence.pattern} in {sequence.url} has proxies, but frame {frame.index} has none of its present file "
            "and is read whole, as others may be: 'seqsave proxies' stores what is lacking"
        )

    # --- events ---
    #
    # A page learns of a replaced frame by an event alone. So that none is missed, each event of a sequence states its
    # stamp, which changes with every look that found replaced frames; the first event of a stream states those of all
    # sequences, for what happened while the page did not listen; and a page that is too far behind is notified that it
    # missed some.

    def subscribe(self) -> Listener:
        """Return a queue of events, which ends with None. The storage is looked at while a page listens."""
        queue = Listener()
        queue.put_nowait(("state", {"viewer": self.id, "sequences": [self._state_of(one) for one in self.shown]}))
        self._listeners.add(queue)
        if self._following is None or self._following.done():
            self._following = asyncio.ensure_future(self._follow())
        return queue

    def unsubscribe(self, queue: Listener) -> None:
        """End a subscription; the last one ends the looking."""
        self._listeners.discard(queue)
        if not self._listeners and self._following is not None:
            self._following.cancel()
            self._following = None

    def _state_of(self, shown: Shown) -> dict[str, Any]:
        document = self._document_of(shown)
        return {name: document[name] for name in ("id", "version", "stamp")}

    def _emit_replaced(self, number: int, values: dict[str, Any]) -> None:
        for queue in self._listeners:
            if queue.qsize() < MOST_EVENTS:
                queue.put_nowait(("frame", values))
            else:
                queue.missed.add(number)

    def _notify(self, number: int) -> None:
        state = self._state_of(self.shown[number])
        for queue in self._listeners:
            queue.put_nowait(("sequences", {**state, "missed": number in queue.missed}))
            queue.missed.discard(number)

    def _notify_later(self, number: int) -> None:
        if number in self._noted:
            return
        self._noted.add(number)

        async def later() -> None:
            await asyncio.sleep(COLLECTED)
            self._noted.discard(number)
            self._notify(number)

        self._begin(later())

    # --- following ---

    async def _follow(self) -> None:
        pause = 0.0  # a page may come long after the last look
        while True:
            self._again = asyncio.Event()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._again.wait(), pause)
            has_changed = False
            with contextlib.suppress(SeqSaveError):  # the next look may succeed
                has_changed = await self.look_again()
            is_over = all(one.seen.is_complete for one in self.shown)
            slower = LATEST if is_over else min(LATEST, max(SOONEST, pause * SLOWER))
            pause = SOONEST if has_changed else slower

    def _look_soon(self) -> None:
        if self._following is not None and not self._following.done():
            self._again.set()

    async def look_again(self) -> bool:
        """Look at the storage once; return whether anything has changed. Raises SeqSaveError."""
        before = [one.seen for one in self.shown]
        seen = await run_in_thread(lambda: self.catalog.look_again(before))
        has_changed = False
        keys = set()
        for one in seen:
            keys.add(one.key)
            known = self._numbers.get(one.key)
            if known is None:
                self._notify(self._add(one).id)
                has_changed = True
            else:
                has_changed |= self._take(known, one)
        for shown in self.shown:
            if shown.seen.key not in keys and len(shown.sequence):
                has_changed |= self._take(shown, Seen(shown.sequence.part(()), shown.seen.progress))
        return has_changed

    def _take(self, shown: Shown, seen: Seen) -> bool:
        has_changed, replaced = shown.take(seen)
        if has_changed and (shown.facts is None or shown.facts.picture is None):
            self._describing.pop(shown.id, None)  # another frame may show them
        positions = {batch: position for position, batch in enumerate(shown.batches)}
        for index, batch in replaced:
            frame = shown.frame(index, batch)
            values = {"id": shown.id, "batch": positions[batch], "index": index}
            self._emit_replaced(shown.id, {**values, "version": frame.version if frame is not None else None})
        if has_changed:
            self._notify(shown.id)
        return has_changed

    def _add(self, seen: Seen) -> Shown:
        shown = Shown(len(self.shown), seen)
        self.shown.append(shown)
        self._numbers[seen.key] = shown
        return shown

    # --- facts ---

    def _describe(self, shown: Shown) -> asyncio.Task[None]:
        if shown.id not in self._describing:
            self._describing[shown.id] = asyncio.ensure_future(self._read_facts(shown))
        return self._describing[shown.id]

    async def _read_facts(self, shown: Shown) -> None:
        """Find out the format of a sequence.

        Where small pictures are stored, the manifest is believed at first: a frame may be as large as many of them.
        """
        shown.facts = facts = await run_in_thread(partial(_facts, shown, None))
        if facts.proxies and facts.picture is not None:
            self._waiting.add(shown.id)
        else:
            await self._read_first(shown)

    async def _read_later(self, shown: Shown) -> None:
        """Decode the first frame once no picture is asked for: it would take the network from those that play."""
        while (left := self._sent + QUIET - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)
        await self._read_first(shown)

    async def _read_first(self, shown: Shown) -> None:
        """Decode the first frame, or another one if it is broken."""
        count = len(shown.sequence)
        for frame in [shown.sequence[position] for position in sorted({0, count // 2})] if count else ():
            try:
                decoded = await asyncio.wrap_future(self.proxies.decoded(frame))
            except SeqSaveError as error:
                self.note_failure(shown, frame, error)
                continue
            before, shown.facts = shown.facts, await run_in_thread(partial(_facts, shown, decoded))
            if shown.facts != before:
                self._notify(shown.id)
            return

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _facts(shown: Shown, decoded: Decoded | None) -> Facts:
    found = facts_of(shown.sequence, decoded)
    return replace(found, proxies=shown.stored is not None and shown.stored.exist())
