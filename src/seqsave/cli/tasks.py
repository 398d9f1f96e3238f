"""``seqsave save --run``: one task of a run over many machines."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqsave import naming

if TYPE_CHECKING:
    from seqsave.cli.output import Messages
    from seqsave.runs import FarmTask, Part
    from seqsave.writer import SequenceWriter

__all__ = ["RunTask"]


@dataclass(slots=True)
class RunTask:
    """A task of the run ``run``: opens its part, and stores its records. planned: the numbers of its frames."""

    url: str
    run: str
    planned: Collection[int]
    messages: Messages
    _task: FarmTask | None = field(init=False, default=None)
    _part: Part | None = field(init=False, default=None)

    def open(self, settings: dict[str, Any]) -> SequenceWriter:
        """Begin the run, unless another task has, and open the part. Raises as ``open_run`` and ``Run.begin``."""
        from seqsave.runs import FarmTask, Part, open_run
        from seqsave.settings.groups import Reports
        from seqsave.settings.limits import Limits

        given = dict(settings)
        limits = Limits(concurrency=given.pop("concurrency", None), max_bytes=given.pop("max_bytes", None))
        reports = Reports(on_event=given.pop("on_event", None))
        options = given.pop("storage_options", None) or None
        run = open_run(self.url, run=self.run, storage_options=options, **given)
        self._task = FarmTask(run, naming.to_ranges(sorted(self.planned)))
        self._task.start()
        self._part = Part(run, limits, reports)
        return self._part

    def leave(self, writer: SequenceWriter) -> None:
        """Store the records of the saved frames. Raises TargetError, RunError."""
        if self._task is not None and self._part is not None:
            where = self._task.leave(self._part.records)
            self.messages.note(f"the records of this task are in {where}; 'seqsave commit' ends the run")
