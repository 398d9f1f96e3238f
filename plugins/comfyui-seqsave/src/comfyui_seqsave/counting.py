"""Numbers that depend on what a storage holds: the next of ``%counter%``, and the highest frame of a sequence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seqsave import SequenceNotFoundError, targets

from . import access, names, parallel

if TYPE_CHECKING:
    from seqsave.writer import Format

    from .prompts import Run
    from .wanted import Wanted

__all__ = ["expanded", "highest"]

_MARK = "%counter%"


def expanded(directory_path: str, prefix: str, image: Any, batch_num: int, run: Run, **graph: Any) -> tuple[str, str]:
    """Return folder and prefix of one image, B,H,W,C, with the values of this run in place of their ``%...%``.

    graph: ``prompt``, ``workflow`` and ``withheld`` of ``names.Values``.

    Raises FrameNameError for what is unknown, RefusedError and TargetError for a folder.
    """
    names.check(directory_path)
    names.check(prefix)
    if "%" not in directory_path and "%" not in prefix:
        return directory_path, prefix

    def values(counter: Callable[[str], int]) -> names.Values:
        height, width = (int(extent) for extent in image.shape[1:3])
        return names.Values(run.started, width=width, height=height, batch_num=batch_num, counter=counter, **graph)

    folder = names.expand(directory_path, values(lambda text: _number(run, "", text, is_file=False)))
    return folder, names.expand(prefix, values(lambda text: _number(run, folder, text, is_file=True)))


def _number(run: Run, folder: str, text: str, *, is_file: bool) -> int:
    """Return the number after the highest one that stands in its place in existing names, from 1; one for each run."""
    key = f"{folder}\n{text}"
    if key not in run.numbers:
        run.numbers[key] = 1 + max(parallel.away(lambda: _numbers(folder, text, is_file=is_file)), default=0)
    return run.numbers[key]


def _numbers(folder: str, text: str, *, is_file: bool) -> list[int]:
    before, _, after = text.partition(_MARK)
    above, slash, head = before.rpartition("/")
    if not is_file and (not above or above.endswith(("/", ":"))):  # /%counter%, renders://%counter%
        above += slash
    tail, below, _ = after.partition("/")
    pattern = re.escape(head) + r"([0-9]+)" + re.escape(tail.replace(_MARK, ""))
    place = access.admit(folder if is_file else above)
    inner = above if is_file else ""
    place.check(inner)
    target = place.settled()
    entries = targets.with_retries(target, lambda: target.list(inner))
    # Of a file's name it is the beginning, which the frame's number follows.
    match = re.match if is_file and not below else re.fullmatch
    found = [match(pattern, entry.name) for entry in entries]
    return [int(one[1]) for one in found if one is not None and len(one[1]) < 10]


def highest(place: access.Place, asked: Wanted) -> int | None:
    """Return the highest number of a frame of the wanted sequence, in any of its file types; None without a frame."""
    return max((number for form in asked.formats for number in _last(place, asked, form)), default=None)


def _last(place: access.Place, asked: Wanted, form: Format) -> list[int]:
    try:
        found = place.open(form.rule.prefix, form.resolved.filetype, asked.pattern_of(form), is_exact=True)
        return [found.indices[-1]]
    except SequenceNotFoundError:
        return []
