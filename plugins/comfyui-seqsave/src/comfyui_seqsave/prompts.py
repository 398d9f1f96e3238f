"""The prompt that runs now: which frames it has saved, and the writers that it keeps open until it ends.

A node may run several times in one prompt, in a loop or for the items of a list. A meta batch queues its prompt again
for each part of a long video. Each of these is one ``Run``, and within it no frame takes the number of another one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shlex
import threading
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import seqsave

from . import host
from .helped import with_help

if TYPE_CHECKING:
    from seqsave import Event, SequenceWriter
    from seqsave.naming import NameRule

    from .access import Place

__all__ = ["Run", "continue_batch", "current", "key_of", "recipe_of", "without_parts"]

_log = logging.getLogger(__name__)

# What VideoHelperSuite's batch manager counts in its node's inputs, for each time that it queues the prompt again.
_PART = "requeue"
_MANAGER = "VHS_BatchManager"

Key = Hashable
"""What one sequence is known by, however its folder is written."""


@dataclass
class Run:
    """A prompt from its start to its end, with all its parts.

    id:      ComfyUI's id of the prompt, of the newest part; empty outside of a server.
    shape:   a fingerprint of the prompt that all parts have in common.
    part:    the number of the newest part, from 0.
    is_late: the parts before this one are not known, because the server was restarted.
    started: when the run began.
    keeps:   writers stay open until the run ends, since the same sequence may be continued.
    """

    id: str = ""
    shape: str = ""
    part: int = 0
    is_late: bool = False
    started: datetime = field(default_factory=datetime.now)
    keeps: bool = False
    next_part: int = 0
    """The part that a saver has queued."""
    warnings: list[str] = field(default_factory=list)
    """The warnings of its writers so far."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The values of ``%counter%``, by the text that holds it."""
    _taken: dict[Key, set[int]] = field(default_factory=dict)
    _continued: set[Key] = field(default_factory=set)
    """The sequences whose numbers follow those in the storage."""
    _batches: set[tuple[Key, int, int | None]] = field(default_factory=set)
    _writers: dict[Key, _Open] = field(default_factory=dict)
    _ended: list[host.Failure] = field(default_factory=list)
    """The warnings of writers that were closed before the run's end."""

    def first(self, keys: Collection[Key], start: int, count: int, highest: Callable[[], int | None]) -> int:
        """Return and take the number of the first of ``count`` consecutive frames.

        keys:    the sequences that get them.
        start:   the wanted number; -1 continues after the highest frame.
        highest: returns the highest number that exists in the storage, or None.

        It is ``start`` unless the run has one of these frames already: then it is the number after the run's highest.
        """
        taken = set[int]().union(*(self._taken.get(key, ()) for key in keys))
        first = start
        if start == -1 or self.is_late:
            there = None if self._continued.issuperset(keys) else highest()
            last = max([*taken, *([] if there is None else [there])], default=None)
            first = max(start, 0) if last is None else last + 1
            self._continued.update(keys if count else ())
        elif not taken.isdisjoint(range(start, start + count)):
            first = max(taken) + 1
        for key in keys:
            self._taken.setdefault(key, set()).update(range(first, first + count))
        return first

    def take(self, keys: Collection[Key], index: int, batches: Collection[int | None], name: str) -> None:
        """Take the frame ``index`` with its variations. Raises FrameExistsError if the run has saved one of them."""
        wanted = {(key, index, batch) for key in keys for batch in batches if batch is not None}
        alone = [key for key in keys if None in batches]
        if not self._batches.isdisjoint(wanted) or any(index in self._taken.get(key, ()) for key in alone):
            raise seqsave.FrameExistsError(
                f"this run of the graph has saved {name} already, and would replace it: give each image a frame "
                "counter of its own, connect variations as one batch, or use Save Frames, which counts on"
            )
        self._batches |= wanted
        for key in alone:
            self._taken.setdefault(key, set()).add(index)

    def writer(self, key: Key, node: str, settings: Any, open_one: Callable[[], SequenceWriter]) -> SequenceWriter:
        """Return the writer that is open for a sequence, or a new one. One with other settings is closed first.

        node: the saver's id.
        """
        known = self._writers.pop(key, None)
        if known is not None and known.settings != settings:
            known.writer.close()
            self._ended += known.warnings()
            known = None
        self._writers[key] = known or _Open(node, settings, open_one())
        return self._writers[key].writer

    def hear(self, event: Event) -> None:
        """Keep a warning of a writer; ComfyUI runs one node after the other, so it belongs to the node that runs."""
        if event.kind == "warning":
            self.warnings.append(event.message)

    def forget(self, key: Key) -> None:
        """Leave the end of a writer to the caller."""
        self._writers.pop(key, None)

    def end(self, *, ok: bool) -> list[host.Failure]:
        """Close all writers, and return their warnings, and the failures of those that could not do all of their work.

        The warnings are those of the whole run: a node that runs again no longer shows the ones of its earlier runs.

        What they saved is recorded as a whole sequence only if the run has ended well.
        """
        writers = [*self._writers.values()]
        self._writers.clear()
        found = [*self._ended]
        for one in writers:
            failure = _close(one, ok=ok)
            found += one.warnings()
            found += [failure] if failure is not None else []
        return found


@dataclass(frozen=True)
class _Open:
    """A writer that is open, its settings, and the id of the node that opened it."""

    node: str
    settings: Any
    writer: SequenceWriter

    def warnings(self) -> list[host.Failure]:
        """Return all warnings of the writer, for its node."""
        return [host.Failure(self.node, text, "", is_warning=True) for text in self.writer.result.warnings]


def _close(one: _Open, *, ok: bool) -> host.Failure | None:
    writer = one.writer
    try:
        writer.close() if ok else writer.abort()
    except seqsave.SeqSaveError as error:
        failure = host.Failure(one.node, with_help(error, _advice(error, writer.url)), type(error).__name__)
        _log.error("%s", failure.message)
    except Exception as error:  # noqa: BLE001 - the other writers are closed, too, and the next prompt runs
        why = f"not all that belongs to the frames in {writer.url} is saved: {type(error).__name__}: {error}"
        failure = host.Failure(
            one.node, f"{why}. To check them: seqsave verify {shlex.quote(writer.url)}", type(error).__name__
        )
        _log.exception("%s", failure.message)
    else:
        return None
    return failure


def _advice(error: seqsave.SeqSaveError, url: str) -> str:
    result = error.result if isinstance(error, seqsave.SaveError) else None
    if result is not None and not result.failures:
        return f"The manifest is written by: seqsave manifest {shlex.quote(url)} --rebuild"
    return "To save the missing frames, run the graph again with if_exists = skip"


# Those that have not ended, by their ids. ComfyUI runs one prompt after the other.
_runs: dict[str, Run] = {}
_lock = threading.RLock()


def current(prompt: Any, node: str = "") -> Run:
    """Return the run of the node that is running; one of its own for a call outside of a server.

    node: the node's id in the prompt.
    """
    running = host.running_prompt()
    if running is None:
        return Run()
    with _lock:
        run = _runs.get(running)
        if run is None:
            can_watch = host.watch_ends(_ended)
            run = _begun(running, prompt)
            run.keeps = can_watch and (run.part > 0 or _may_come_again(prompt))
            _runs[running] = run
        if node and isinstance(prompt, Mapping) and node not in prompt:  # made by another node while the graph runs
            run.keeps = host.watch_ends(_ended)
        return run


def _begun(running: str, prompt: Any) -> Run:
    part, shape = _part_of(prompt), _shape_of(prompt)
    earlier = next((run for run in _runs.values() if part and run.shape == shape and run.part < part), None)
    for run in [run for run in _runs.values() if run is not earlier and not _is_continued(run)]:
        _drop(run, ok=False)  # cancelled while it waited for its next part
    if earlier is None:
        return Run(running, shape, part, is_late=part > 0)
    del _runs[earlier.id]
    earlier.id, earlier.part = running, part
    return earlier


def _ended(prompt_id: str, ok: bool) -> list[host.Failure]:
    """Finish a run whose prompt has ended, and one that waited for a part that was cancelled.

    A run whose next part waits in the queue goes on. Return the failures at the end of the prompt's own run.
    """
    failures = []
    with _lock:
        for run in [*_runs.values()]:
            is_own = run.id == prompt_id
            if not ((ok or not is_own) and _is_continued(run)):
                found = _drop(run, ok=ok and is_own)
                failures += found if is_own else []
    return failures


def _drop(run: Run, *, ok: bool) -> list[host.Failure]:
    del _runs[run.id]
    return run.end(ok=ok)


def _is_continued(run: Run) -> bool:
    return any(_part_of(prompt) > run.part and _shape_of(prompt) == run.shape for prompt in host.queued_prompts())


def _may_come_again(prompt: Any) -> bool:
    """Return True if a node of the prompt can run others of it again: a loop, or a batch manager."""
    kinds = {node["class_type"] for node in _nodes(prompt)}
    return any(host.can_expand(kind) or _MANAGER in host.outputs_of(kind) for kind in kinds)


def _nodes(prompt: Any) -> list[Mapping[str, Any]]:
    nodes = prompt.values() if isinstance(prompt, Mapping) else ()
    return [node for node in nodes if isinstance(node, Mapping) and isinstance(node.get("class_type"), str)]


def _counts_parts(node: Any) -> bool:
    if not isinstance(node, Mapping) or not isinstance(node.get("inputs"), Mapping):
        return False
    number, kind = node["inputs"].get(_PART), node.get("class_type")
    return isinstance(number, int) and (kind == _MANAGER or _PART not in host.inputs_of(str(kind)))


def continue_batch(run: Run, prompt: Any, node: str, link: str, meta_batch: Any) -> None:
    """Queue the graph again for the next part of a video, unless this was the last one or another node does it.

    node: the saver's id. link: its input for the batch manager. meta_batch: the manager itself.
    """
    if getattr(meta_batch, "has_closed_inputs", True) or not run.id or not isinstance(prompt, Mapping):
        return
    manager = prompt.get(node, {}).get("inputs", {}).get(link)
    if not isinstance(manager, list) or run.next_part > run.part:
        return
    users = [one["class_type"] for one in _nodes(prompt) if manager in one.get("inputs", {}).values()]
    if any(kind != prompt[node]["class_type"] and host.is_output(kind) for kind in users):
        return
    inputs = prompt[manager[0]]["inputs"]
    again = {**prompt, manager[0]: {**prompt[manager[0]], "inputs": {**inputs, _PART: inputs.get(_PART, 0) + 1}}}
    run.next_part = run.part + 1
    host.queue_again(run.id, again)


def _part_of(prompt: Any) -> int:
    return max((int(node["inputs"][_PART]) for node in _nodes(prompt) if _counts_parts(node)), default=0)


def without_parts(prompt: Any) -> Any:
    """Return a prompt without the number of its part, which is no part of the graph."""
    if not isinstance(prompt, Mapping) or not any(map(_counts_parts, prompt.values())):
        return prompt
    return {
        name: {**node, "inputs": {key: value for key, value in node["inputs"].items() if key != _PART}}
        if _counts_parts(node)
        else node
        for name, node in prompt.items()
    }


def _shape_of(prompt: Any) -> str:
    return _digest(without_parts(prompt))


def recipe_of(prompt: Any, *iteration: object) -> str | None:
    """Return a fingerprint of the graph with all its values; None for a call over the API without one.

    iteration: what distinguishes this run of the node from its other ones in the same graph; nothing if it has one.
    """
    if prompt is None:
        return None
    return f"sha256:{_digest([without_parts(prompt), *iteration] if any(iteration) else without_parts(prompt))}"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(place: Place, rule: NameRule) -> Key:
    """Return what the sequence of these names in this place is known by: equal for every spelling of its folder."""
    target = place.target
    identity = dict(target.identity())
    root = identity.pop("root")
    folder = f"{root.rstrip('/')}/{rule.folder}".rstrip("/")
    if target.is_local:
        folder = os.path.normcase(os.path.realpath(os.path.join(target.url, rule.folder)))
    name = re.sub(r"#+", "#", str(rule.name))  # a number of any width is the same frame
    return (*sorted(identity.items()), folder, name)
