"""Save a tree of sequences: ``seqsave save --recursive``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from seqsave import naming
from seqsave.cli.app import FAILED, WRONG_CALL, Failure, help_of, option_for
from seqsave.cli.output import Messages, complain, print_json, spelled
from seqsave.cli.parameters import folder_at
from seqsave.cli.saving import SaveTask
from seqsave.errors import SeqSaveError, SequenceNotFoundError
from seqsave.wording import counted, first_of

if TYPE_CHECKING:
    from seqsave.sequences.finder import Found
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = ["save_tree"]

SHOWN = 5


def save_tree(source: str, url: str, given: Mapping[str, Any], messages: Messages, as_json: bool) -> int:
    """Save each sequence in a folder and in those below it, to the same folder below ``url``. Return the exit status.

    Without ``--keep-going``, nothing is saved if one of the sequences cannot be saved as requested, and the first
    sequence with a frame that is not saved is the last one. An interrupt ends the tree in both cases.
    """
    from seqsave.sequences.finder import survey

    options = given["source_storage_option"]
    refused = next((name for name in ("run", "frames", "preview", "stream") if given[name] is not None), None)
    if refused is not None:
        raise click.UsageError(f"--recursive and --{refused} contradict each other", click.get_current_context())
    if naming.is_pattern(url):
        raise Failure(f"{url} names the files of one sequence: with --recursive, URL is a folder", WRONG_CALL)
    _refuse_inside(folder_at(source, options), folder_at(url, given["storage_options"]))
    folders = list(survey(source, True, options, with_lost=True))
    found = [sequence for folder in folders if folder.is_wanted for sequence in folder.sequences]
    for folder in folders:
        _name_others(folder, messages)
    if not found:
        raise SequenceNotFoundError(f"there are no sequences in {source}, nor in the folders below it")
    tree = _Tree(given, messages, as_json)
    return tree.save(tree.prepare(found, url))


@dataclass(slots=True)
class _Tree:
    """The sequences of a tree, saved one after the other.

    incomplete: the sequences that were not saved completely. status: the exit status so far.
    """

    given: Mapping[str, Any]
    messages: Messages
    as_json: bool
    documents: list[dict[str, Any]] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    status: int = 0

    def prepare(self, found: Sequence[FrameSequence], url: str) -> list[tuple[str, SaveTask]]:
        """Check the arguments for each sequence. Raises what is wrong, with ``--keep-going`` only if no one is left."""
        from seqsave.sources import source_of_sequence

        tasks: list[tuple[str, SaveTask]] = []
        errors: list[tuple[str, str, Exception]] = []
        for one in found:
            name = f"{one.folder}/{one.name}" if one.folder else one.pattern
            # With a slash, since a folder of the tree may be called take.####.png or movie.mp4.
            place = f"{url.rstrip('/')}/{one.folder}/" if one.folder else url
            try:
                opened = source_of_sequence(one, max_pixels=self.given["max_pixels"], pages=self.given["pages"])
                tasks.append((name, SaveTask.prepare(opened, place, self.given, self.messages)))
            except (SeqSaveError, Failure) as error:
                if not self.given["keep_going"]:
                    raise
                errors.append((name, place, error))
        if not tasks:
            raise errors[0][2]
        for name, place, problem in errors:
            self._failed(name, place, problem)
        return tasks

    def save(self, tasks: Sequence[tuple[str, SaveTask]]) -> int:
        """Save the sequences, name at the end those that are not complete, and return the exit status."""
        for position, (name, task) in enumerate(tasks, 1):
            status = self._run(name, task)
            # Every other status is that of an interrupt.
            if status not in (0, FAILED) or (status and not self.given["keep_going"]):
                self.status = status
                return self._end([name for name, _ in tasks[position:]])
        return self._end([])

    def _run(self, name: str, task: SaveTask) -> int:
        job = task.job(self.as_json)
        job.document = self.documents.append
        try:
            status = job.run()
        except SeqSaveError as error:
            self._failed(name, task.folder, error)
            return FAILED
        if status:
            self.incomplete.append(name)
            self.status = FAILED
        return status

    def _failed(self, name: str, url: str, error: Exception) -> None:
        """Report an error before the first frame of a sequence."""
        text = f"{name}: {error}{option_for(error) if isinstance(error, SeqSaveError) else ''}"
        complain(text, help_of(error))
        self.incomplete.append(name)
        self.documents.append(
            {"url": url, "pattern": name.rpartition("/")[2], "error": spelled(text), "help": help_of(error) or None}
        )
        self.status = FAILED

    def _end(self, waiting: Sequence[str]) -> int:
        parts = []
        if self.incomplete:
            count = counted(len(self.incomplete), "sequence")
            parts.append(f"{count} not saved completely: {first_of(self.incomplete, SHOWN)}")
        if waiting:
            advice = "" if self.given["keep_going"] or self.status != FAILED else "; --keep-going saves them too"
            parts.append(f"{counted(len(waiting), 'sequence')} not begun: {first_of(waiting, SHOWN)}{advice}")
        text = "; ".join(parts)
        if self.as_json:
            print_json({"sequences": self.documents, "error": text or None})
        if text:
            complain(text)
        return self.status


def _name_others(folder: Found, messages: Messages) -> None:
    """Name the files that are not frames of a sequence, and so are not saved."""
    names = [*folder.files, *(group.widest for group in (*folder.others, *folder.subframes))]
    if names:
        some = first_of(names, SHOWN)
        messages.warn(f"left out in {folder.where}, since they are not frames of a sequence: {some}")
    if folder.links:
        links = first_of(sorted(folder.links), SHOWN)
        messages.warn(
            f"not followed in {folder.where}, since links may be circular: {links}; save their folders by themselves"
        )
    for lost in folder.lost:
        messages.warn(f"in {folder.where}, {lost}")


def _refuse_inside(source: Target, target: Target) -> None:
    """Raise Failure for a destination inside of the source."""
    from seqsave.sequences.frame import Files

    whole, place = Files(source).place("x")[:-1], Files(target).place("x")
    outer, inner = Files(source).place("x")[-1][:-1], place[-1]
    if whole == place[:-1] and inner.startswith(outer):
        raise Failure(f"{target.url} lies in {source.url}, the source: save to another folder", WRONG_CALL)
