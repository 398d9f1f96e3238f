"""``seqsave ls`` and ``seqsave workflow``: list sequences, and print the metadata of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command, Failure
from seqsave.cli.completion import urls as complete_urls
from seqsave.cli.listing import document_of, is_complete, line_of, lost_document_of, lost_line_of, progress_of
from seqsave.cli.output import Messages, complain, print_json, print_line
from seqsave.cli.parameters import (
    file_at,
    folder_at,
    json_option,
    json_or_text,
    only_prefix_option,
    recursive_option,
    storage_option,
)
from seqsave.errors import TargetError
from seqsave.wording import command, counted, did_you_mean, first_of

if TYPE_CHECKING:
    from seqsave.sequences.finder import Found
    from seqsave.sequences.lost import LostSequence
    from seqsave.sequences.progress import Progress
    from seqsave.sequences.reader import FrameSequence
    from seqsave.targets import Target

__all__ = ["ls_command", "workflow_command"]


@click.command(
    "ls",
    cls=Command,
    short_help="List sequences, their gaps and sizes.",
    examples=[
        "seqsave ls ./renders",
        "seqsave ls s3://renders --recursive",
        "seqsave ls 'renders/shot.####.exr' 'plates/*.dpx'",
    ],
)
@click.argument("urls", metavar="[URL]...", nargs=-1, shell_complete=complete_urls)
@recursive_option
@only_prefix_option
@storage_option()
@json_option("the sequences")
def ls_command(
    urls: tuple[str, ...], recursive: bool, prefix: str | None, storage_option: dict[str, Any], as_json: bool
) -> int:
    """List the sequences at each URL, with gaps and sizes, and what their manifest says: complete, or unfinished.

    URL is a folder on any storage (by default the working folder), a pattern such as 'renders/shot.####.exr', or a glob
    such as 'renders/*.exr'. For a folder that holds only folders, these are listed.

    A sequence of which only the manifest is left is listed as well, and frames that wait in the spool of this machine
    are named.

    Exit status 1 if there is no sequence, if one is not complete by its manifest: unfinished, or with frames of
    older runs, or frames that no run recorded, beside it; if a manifest is damaged, contradicts itself, is of a newer
    version or may not be read; if two files have the number of one frame; if a link to a missing file, or a folder, has
    the name of a frame; if a frame has no bytes; or if a folder cannot be listed.
    """
    messages = Messages()
    places = [_Place(url, recursive, prefix, storage_option) for url in urls or (".",)]
    documents, lost, folders, problems, are_complete = [], [], [], [], True
    with messages.catching():
        for place in places:
            place.look()
            if as_json:
                documents += [document_of(sequence, place.progress_of(sequence)) for sequence in place.sequences]
                lost += [lost_document_of(one) for one in place.lost]
                folders += place.folders
            else:
                place.print(with_name=len(places) > 1)
            for note in place.notes:
                messages.note(note)
            problems += [place.problem] if place.problem else []
            are_complete = are_complete and place.is_complete
    if as_json:
        print_json({"sequences": documents, "lost": lost, "folders": folders})
    for problem in problems:
        complain(problem)
    return 0 if are_complete and not problems else FAILED


class _Place:
    """One URL of the command: its sequences, and their lines."""

    def __init__(self, url: str, recursive: bool, prefix: str | None, options: dict[str, Any]) -> None:
        self.url = url
        self.recursive = recursive or (prefix is not None and "/" in prefix)
        self.prefix = prefix
        self.options = options
        self.sequences: list[FrameSequence] = []
        self.lost: list[LostSequence] = []
        self.folders: list[str] = []
        self.notes: list[str] = []
        self.problem = ""
        self.is_complete = True

    def look(self) -> None:
        """Find the sequences. Raises Failure for a file, and TargetError."""
        target = folder_at(self.url, self.options)
        found = self._find()
        wanted = [sequence for one in found if one.is_wanted for sequence in one.sequences]
        self.sequences = [one for one in wanted if self._has_prefix(one)]
        self.lost = [lost for one in found if one.is_wanted for lost in one.lost if self._has_prefix(lost)]
        self.is_complete = self.is_complete and not self.lost
        for one in found:
            self._note(one)
        self._note_waiting(target)
        if not self.sequences and not self.problem:
            is_listed = found and not self.recursive and self.prefix is None and found[0].is_wanted
            names = found[0].folders if is_listed else ()
            self.folders = [f"{target.url_of(name)}/" for name in names]
            self.problem = "" if names else self._nothing(target, found)

    def _note_waiting(self, target: Target) -> None:
        """Name the frames for this place that wait in the spool of this machine."""
        from seqsave.sequences.lookup import is_pattern
        from seqsave.sequences.waiting import waiting_at, waiting_for

        one = self.sequences[0] if self.sequences else None
        if not is_pattern(self.url):
            found = waiting_for(target)
        elif one is None or one.target is None:
            found = waiting_at(self.url, self.options)
        else:
            found = waiting_for(one.target, one.folder, one.name)
        self.notes += [] if found is None else [str(found)]

    def _has_prefix(self, sequence: FrameSequence | LostSequence) -> bool:
        from seqsave.sequences.finder import has_prefix

        return has_prefix(sequence, self.prefix)

    def progress_of(self, sequence: FrameSequence) -> Progress:
        """Return the state of a sequence, and record whether it is not complete."""
        progress = progress_of(sequence)
        is_sound = not (sequence.duplicates or sequence.unreadable or any(frame.size == 0 for frame in sequence))
        is_judged = progress.state not in ("damaged", "unread")
        self.is_complete = self.is_complete and is_sound and is_complete(progress) is not False and is_judged
        return progress

    def print(self, *, with_name: bool) -> None:
        """Print a line for each sequence, or for each folder. with_name: below a line with the URL."""
        if with_name:
            print_line(f"{self.url}:")
        for sequence in self.sequences:
            print_line(line_of(sequence, self.progress_of(sequence)))
        for lost in self.lost if self.sequences or self.folders else ():
            print_line(lost_line_of(lost))
        for url in self.folders:
            print_line(f"{url.rstrip('/').rpartition('/')[2]}/")

    def _find(self) -> list[Found]:
        from seqsave.sequences import finder

        try:
            return list(finder.survey(self.url, self.recursive, self.options, self._refused, with_lost=True))
        except TargetError as error:
            if isinstance(error.__cause__, NotADirectoryError):
                return []  # as on storages whose listing of a file is empty
            raise

    def _refused(self, message: str) -> None:
        self.notes.append(f"not listed: {message}")
        self.is_complete = False

    def _note(self, found: Found) -> None:
        """Name the files that are not listed; for files with numbers, the pattern that lists them."""
        from seqsave.naming import batch_folder, is_misnamed_batch, split_name
        from seqsave.sequences.found import subframes_message, unreadable_message

        for group in found.others if found.is_wanted and self.prefix is None else ():
            if len(group.members) > 1:
                pattern = f"{found.where.rstrip('/')}/{group.widest}"
                count = counted(len(group.members), "file")
                listing = command("seqsave", "ls", pattern, options=self.options or ())
                self.notes.append(f"not listed: {group.widest} ({count}); {listing} lists them")
        broken = {
            path: why for path, why in found.unreadable.items() if split_name(path.rpartition("/")[2]) is not None
        }
        if broken and found.folders and not found.sequences:  # without folders, the error names them
            self.is_complete = False
            self.notes.append(f"not listed: {unreadable_message(broken)}")
        names = found.unnumbered if found.is_wanted and self.prefix is None else []
        if names and (found.sequences or found.folders):
            count = counted(len(names), "picture")
            self.notes.append(f"not listed: {count} without the number of a frame: {first_of(names, 3)}")
        misnamed = [name.rpartition("/")[2] for name in found.folders if not self.recursive]
        misnamed = [name for name in misnamed if is_misnamed_batch(name)]
        if misnamed and found.sequences and self.prefix is None:
            name = misnamed[0]
            meant = batch_folder(int(name.removeprefix("batch_")))
            where = command("seqsave", "ls", f"{found.where.rstrip('/')}/{name}", options=self.options or ())
            shown = first_of([f"{one}/" for one in misnamed], 3)
            self.notes.append(f"not listed: {shown}, since batch folders are named as {meant}/; {where} lists it")
        for group in found.subframes:
            message = f"{found.where}: {subframes_message(group)}"
            if found.sequences:
                self.notes.append(f"not listed: {message}")
            else:
                self.problem = message

    def _nothing(self, target: Target, found: list[Found]) -> str:
        """Return the message that there is no sequence, with the other findings. Raises Failure for a file."""
        from seqsave.sequences import lookup

        named = f"{self.prefix}_#### " if self.prefix else ""
        if found and not found[0].is_wanted:
            return f"no sequence {self.url.rpartition('/')[2]} in {found[0].where}{found[0].instead()}"
        if found and lookup.is_pattern(self.url):
            return f"no sequence matches {found[0].where}{found[0].instead() if found[0].files else ''}"
        means = lookup.look_at(self.url, self.options)
        if isinstance(means, lookup.File):
            raise Failure(lookup.describe_no_folder(self.url, self.options))
        if means is None or not found:
            return lookup.describe_missing(self.url, self.options)
        where = f"no sequence {named}in {target.url}"
        if self.lost:
            return f"{where}: {'; '.join(map(str, self.lost))}"
        if self.recursive and found[0].folders and not found[0].files:
            return f"{where} or the folders below it"
        return f"{where}{found[0].instead()}"


@click.command(
    "workflow",
    cls=Command,
    examples=[
        "seqsave workflow renders/frame_00018.png",
        "seqsave workflow s3://renders/shot010/frame_00018.png --key workflow > workflow.json",
    ],
)
@click.argument("url", metavar="URL", shell_complete=complete_urls)
@click.option("--key", help="Print this value alone: workflow, prompt, or another name in the file.")
@storage_option()
def workflow_command(url: str, key: str | None, storage_option: dict[str, Any]) -> None:
    """Print the prompt and workflow of one frame, or of a movie such as a preview, as JSON.

    All other metadata is printed as well, also from sidecar files. Movies need PyAV: pip install "seqsave[video]".
    """
    with Messages().catching():
        values = _read_metadata(url, storage_option)
    if key is None:
        print_json(values)
    elif key in values:
        print_json(values[key])
    else:
        raise Failure(f"no {key!r} in {url}{did_you_mean(key, values)}: it has {', '.join(map(repr, values))}")


def _read_metadata(url: str, options: dict[str, Any]) -> dict[str, Any]:
    target, name = file_at(url, options)
    shown = target.url_of(name)
    if not target.exists(name):
        raise _no_file(url, shown, options)
    values = _metadata_of(target, name)
    if not values:
        raise Failure(f"{shown} holds no workflow or other metadata")
    return values


def _metadata_of(target: Target, name: str) -> dict[str, Any]:
    """Return the values in a frame or a movie; text that is not JSON stays text."""
    from seqsave import naming
    from seqsave.sequences.frame import Files

    if naming.kind_of_extension(name.rpartition(".")[2]) != "movie":
        return Files(target).frame(name, 0, 0).read_metadata()
    from seqsave.sources.video import read_tags

    return {tag: json_or_text(text) for tag, text in read_tags(target, name).items()}


def _no_file(url: str, shown: str, options: dict[str, Any]) -> Failure:
    from seqsave.sequences import finder, lookup

    if not isinstance(lookup.look_at(url, options), lookup.Folder):
        return Failure(lookup.describe_missing(url, options))
    inside = next(iter(finder.find_sequences(url, storage_options=options)), None)
    example = f", as {inside[0].url}" if inside is not None else ""
    return Failure(f"{shown} is a folder: name one of its frames{example}")
