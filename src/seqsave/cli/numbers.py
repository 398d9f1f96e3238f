"""The numbers of the frames that ``seqsave save`` writes: their own, moved ones, or new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set

from seqsave import naming
from seqsave.errors import SequenceNotFoundError
from seqsave.sources import Source, SourceFrame

__all__ = ["Numbers"]


class Numbers:
    """The new number of each frame of a source.

    table:       by the number in the frame's own name; None where the names have none: these are counted.
    start, step: of the frames that are counted.
    wanted:      the only frames to be saved, by their numbers in the source; None for all.
    """

    def __init__(
        self,
        source: Source,
        *,
        start: int | None,
        step: int | None,
        offset: int = 0,
        table: Mapping[int, int] | None = None,
    ) -> None:
        self.source = source
        self.wanted: frozenset[int] | None = None
        self.step = 1 if step is None else step
        if table is None and source.first is not None:
            own = sorted({index for _, index, _ in source.files if index is not None})
            table = naming.renumbered(own, start, step, offset)
        self.table = table
        self.start = min(table.values()) if table else (start or 0) + offset

    def select(self, wanted: tuple[range, ...]) -> None:
        """Save only these frames of the source. Raises SequenceNotFoundError for frames that it does not have."""
        source = self.source
        self.wanted = frozenset(index for run in wanted for index in run)
        if source.only is None:
            if source.total is not None and not source.about:
                self._check_found(range(source.total))
            return
        if self.table is not None:
            self._check_found(self.table)
        else:
            self._check_found(range(len(source.files)))
            following = self._following()
            table = {place: following(index) for place, (_, index, _) in enumerate(source.files)}
            self.table = table  # from now on each frame has its position as a number of its own
        self.source = source.only(self.wanted)

    def planned(self) -> set[int]:
        """Return the numbers that the frames will have; an empty set if they are not known."""
        if self.table is not None:
            return {new for old, new in self.table.items() if self.wanted is None or old in self.wanted}
        if self.wanted is not None:
            return {self.start + place * self.step for place in self.wanted}
        if not self.source.files and self.source.total is not None and not self.source.about:
            return {self.start + place * self.step for place in range(self.source.total)}
        return {index for index, _ in self.of_files()}

    def count(self) -> int | None:
        """Return how many frames there are, as far as that is known."""
        is_counted = self.wanted is not None and self.table is None
        return len(self.wanted or ()) if is_counted else self.source.total

    def of_frames(self) -> Iterator[tuple[SourceFrame, int]]:
        """Yield each frame with its number."""
        following, wanted = self._following(), self.wanted
        if wanted is None or self.table is not None:
            for frame in self.source:
                yield frame, following(frame.index)
            return
        last, seen = max(wanted), 0
        for seen, frame in enumerate(self.source, start=1):
            number = following(frame.index)
            if seen - 1 in wanted:
                yield frame, number
            if seen > last:
                return
        self._check_found(range(seen))

    def of_files(self) -> Iterator[tuple[int, int | None]]:
        """Yield (number, batch) of each file, without reading any."""
        following = self._following()
        for _, index, batch in self.source.files:
            yield following(index), batch

    def _following(self) -> Callable[[int | None], int]:
        place = -1

        def number(index: int | None) -> int:
            """Return the number of the next frame."""
            nonlocal place
            if self.table is not None and index is not None:
                return self.table[index]
            place += 1
            return self.start + place * self.step

        return number

    def _check_found(self, existing: range | Mapping[int, int]) -> None:
        missing: Set[int] = (self.wanted or frozenset()) - set(existing)
        if missing:
            numbers = naming.format_ranges(naming.to_ranges(sorted(missing)), 10, noun="frame")
            ranges = naming.format_ranges(naming.to_ranges(sorted(existing)), 10)
            lacking = f"there {'is' if len(missing) == 1 else 'are'} no {numbers}"
            raise SequenceNotFoundError(f"{lacking} in {self.source.description}: it has {ranges}; correct --frames")
