"""Run a writer for a command: progress, interruption, the summary for people and the document for programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqsave.cli.app import FAILED, INTERRUPTED, help_of, option_for
from seqsave.cli.output import Messages, complain, print_json, spelled
from seqsave.cli.signals import taken_as_interrupts
from seqsave.errors import SeqSaveError
from seqsave.runtime.progress import open_progress
from seqsave.wording import command, counted, format_size

if TYPE_CHECKING:
    from seqsave.runtime.display import ProgressDisplay
    from seqsave.settings.config import WriterConfig
    from seqsave.types import SaveResult
    from seqsave.writer import SequenceWriter

__all__ = ["Job"]

# Longer lists of ranges are shortened, except with --json.
RUNS_SHOWN = 10


@dataclass(slots=True)
class Job:
    """One save. ``feed`` writes the frames; ``expected`` is their probable number.

    config:   checked settings, in place of ``settings``.
    facts:    further entries of the JSON document.
    resuming: the option with which the same command resumes after an interruption; "" without one.
    open:     opens the writer with the settings; a SequenceWriter to the URL by default.
    on_saved: called with the closed writer once all frames are saved.
    document: gets the JSON document, in place of standard output.
    """

    url: str
    settings: Mapping[str, Any]
    feed: Callable[[SequenceWriter], None]
    messages: Messages
    pattern: str
    expected: int | None = None
    as_json: bool = False
    facts: dict[str, Any] | None = None
    resuming: str = ""
    open: Callable[[dict[str, Any]], SequenceWriter] | None = None
    on_saved: Callable[[SequenceWriter], None] | None = None
    config: WriterConfig | None = None
    document: Callable[[dict[str, Any]], None] | None = None

    def run(self) -> int:
        """Save the frames, print the result, and return the exit status. Errors before the first frame are raised."""
        with taken_as_interrupts() as start_to_report:
            started = time.monotonic()
            writer, status, error, help_url = self._write()
            start_to_report()
            self._report(writer.result, time.monotonic() - started, error, help_url)
        return status

    def _report(self, result: SaveResult, seconds: float, error: str, help_url: str) -> None:
        if self.as_json:
            (self.document or print_json)(self._document(result, seconds, error, help_url))
        if error:
            complain(error, help_url)
        else:
            self.messages.note(self._summary(result, seconds))
            if result.url.startswith("memory:") and result.counts["saved"]:
                self.messages.note("memory:// lasts as long as this command: save to a folder or a bucket to keep them")

    def _write(self) -> tuple[SequenceWriter, int, str, str]:
        """Return the closed writer, the exit status, the error message and the page that helps, ``""`` without."""
        bar = None if self.messages.quiet else open_progress(self.pattern, self.expected, lines=True)
        with bar or nullcontext():
            writer = self._open(bar)
            try:
                with writer:
                    self.feed(writer)
                if self.on_saved is not None:
                    self.on_saved(writer)
            except KeyboardInterrupt as interrupt:
                return writer, getattr(interrupt, "status", INTERRUPTED), self._interrupted(writer.result), ""
            except SeqSaveError as error:
                return writer, FAILED, f"{error}{option_for(error)}", help_of(error)
        return writer, 0, "", ""

    def _open(self, bar: ProgressDisplay | None) -> SequenceWriter:
        from seqsave.settings.groups import Reports
        from seqsave.writer import SequenceWriter

        if self.open is not None:
            return self.open({**self.settings, "on_event": bar})
        if self.config is not None:
            return SequenceWriter(self.url, replace(self.config, reports=Reports(on_event=bar)))
        return SequenceWriter(self.url, **self.settings, on_event=bar)

    def _document(self, result: SaveResult, seconds: float, error: str, help_url: str) -> dict[str, Any]:
        return {
            "url": result.url,
            "pattern": self.pattern,
            **(self.facts or {}),
            "counts": result.counts,
            "indices": _present(result),
            "spooled": _spooled(result),
            "size": result.size,
            "seconds": round(seconds, 3),
            "warnings": self.messages.warnings,
            "failures": [
                {
                    "index": failure.index,
                    "batch": failure.batch,
                    "url": failure.url,
                    "error": spelled(failure.error),
                }
                for failure in result.failures
            ],
            "error": spelled(error) or None,
            "help": help_url or None,
        }

    def _summary(self, result: SaveResult, seconds: float) -> str:
        counts = result.counts
        text = f"saved {counted(counts['saved'], 'frame')} ({format_size(result.size)} in {seconds:.1f} s)"
        if counts["skipped"]:
            text += f", skipped {counts['skipped']} existing"
        if counts["stopped"]:
            text += f", left out {counts['stopped']} after the end"
        present = _present(result, RUNS_SHOWN)
        return f"{text}: {self.pattern} {present} in {result.url}" if present else f"{text} in {result.url}"

    def _flush_command(self) -> str:
        delivery = None if self.config is None else self.config.delivery
        given = True if delivery is None else delivery.spool_folder
        folder = "" if given is True else given
        return command("seqsave", "flush", folder, options=() if delivery is None else delivery.storage_options or ())

    def _interrupted(self, result: SaveResult) -> str:
        present = _present(result, RUNS_SHOWN)
        text = f"{counted(result.counts['saved'], 'frame')} saved in {result.url}"
        text += f" ({present})" if present else ""
        kept = result.counts["spooled"]
        if kept:
            text += (
                f", {counted(kept, 'frame')} in the spool ({_spooled(result)}; {self._flush_command()} publishes them)"
            )
        if result.failures:
            were = "was" if len(result.failures) == 1 else "were"
            lost = counted(len(result.failures), "unfinished frame")
            text += f"; {lost} {were} not saved ({_absent(result, RUNS_SHOWN)})"
        advice = f"; run again with {self.resuming} to resume" if self.resuming else ""
        return f"interrupted: {text}{advice}"


def _present(result: SaveResult, most: int | None = None) -> str:
    """Return the numbers of the existing frames, as text."""
    from seqsave import naming

    there = sorted({frame.index for frame in result.frames if frame.status in ("saved", "skipped")})
    return naming.format_ranges(naming.to_ranges(there), most)


def _spooled(result: SaveResult) -> str:
    """Return the numbers of the frames in the spool, as text."""
    from seqsave import naming

    kept = sorted({frame.index for frame in result.frames if frame.status == "spooled"})
    return naming.format_ranges(naming.to_ranges(kept))


def _absent(result: SaveResult, most: int | None = None) -> str:
    """Return the numbers of the accepted frames that are not saved, as text."""
    from seqsave import naming

    lost = sorted({frame.index for frame in result.failures})
    return naming.format_ranges(naming.to_ranges(lost), most)
