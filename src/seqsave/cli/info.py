"""``seqsave info``: describe a sequence or a picture, without decoding it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import FAILED, Command
from seqsave.cli.completion import urls as complete_urls
from seqsave.cli.listing import document_of, frames_of, progress_of, state_of
from seqsave.cli.output import Messages, complain, print_json, print_line
from seqsave.cli.parameters import folder_at, json_option, only_prefix_option, storage_option
from seqsave.errors import SeqSaveError, SequenceNotFoundError
from seqsave.wording import counted, format_size

if TYPE_CHECKING:
    from seqsave.sequences.finder import Found
    from seqsave.sequences.frame import Frame
    from seqsave.sequences.info import PictureInfo
    from seqsave.sequences.reader import FrameSequence

__all__ = ["info_command"]


@click.command(
    "info",
    cls=Command,
    short_help="Describe sequences and pictures.",
    examples=[
        "seqsave info s3://renders/shot010",
        "seqsave info 'renders/shot.####.exr' plate.tif",
        "seqsave info ./renders --json",
    ],
)
@click.argument("urls", metavar="[URL]...", nargs=-1, shell_complete=complete_urls)
@only_prefix_option
@storage_option()
@json_option("what is known")
def info_command(urls: tuple[str, ...], prefix: str | None, storage_option: dict[str, Any], as_json: bool) -> int:
    """Describe each sequence or picture: frames, size in pixels, dtype, channels, colour, rate, bytes, metadata names.

    URL is a folder (by default the working folder), a pattern such as 'renders/shot.####.exr', a glob, or one file. The
    first frame of a sequence is read. Colour and rate are those that the file states; the rate may come from the
    manifest. Only the names of metadata are printed: 'seqsave workflow' prints the values.

    Exit status 1 if a URL holds no picture, or a picture is damaged.
    """
    found: list[_Item] = []
    problems: list[SeqSaveError] = []
    with Messages().catching():
        for url in urls or (".",):
            try:
                found += _items(url, prefix, storage_option)
            except SeqSaveError as error:  # noqa: PERF203 - an error of one URL does not affect the others
                problems.append(error)
    if len(problems) == 1 and not found:
        raise problems[0]
    with Messages().catching():
        _show(found, as_json=as_json)
    for problem in problems:
        complain(str(problem), problem.help_url)
    return FAILED if problems or any(one.info.problem for one in found) else 0


def _show(found: Sequence[_Item], *, as_json: bool) -> None:
    if as_json:
        sequences = [one.as_document() for one in found if one.sequence is not None]
        print_json({"sequences": sequences, "pictures": [one.as_document() for one in found if one.sequence is None]})
    else:
        for one in found:
            one.print()


@dataclass(frozen=True, slots=True)
class _Item:
    """A sequence or one picture, and the known facts about it."""

    frame: Frame
    info: PictureInfo
    sequence: FrameSequence | None = None

    def as_document(self) -> dict[str, Any]:
        """Return JSON values."""
        from seqsave.sequences.stated import color_of, types_of
        from seqsave.sequences.stated import document_of as stated_of

        info, picture = self.info, self.info.picture
        about = {
            "width": picture.width if picture is not None else None,
            "height": picture.height if picture is not None else None,
            "channels": picture.channels if picture is not None else None,
            "channel_names": list(info.stated.channels),
            "channel_dtypes": types_of(info.stated),
            "dtype": picture.dtype if picture is not None else None,
            "color": color_of(info.stated),
            "rate": None if info.rate is None else str(info.rate),
            "stated": stated_of(info.stated),
            "metadata": list(info.metadata),
            "problem": info.problem,
            "note": info.note,
        }
        if self.sequence is not None:
            return {**document_of(self.sequence, progress_of(self.sequence)), **about}
        return {"url": self.frame.url, "filetype": self._filetype(), "size": self._size, **about}

    def print(self) -> None:
        """Print a line with its name, and one for each known fact."""
        if self.sequence is None:
            print_line(self.frame.url)
        else:
            print_line(f"{self.sequence.pattern} in {self.sequence.url}")
        for name, text in self._facts():
            if text:
                print_line(f"  {name:11}{text}")

    def _facts(self) -> Iterator[tuple[str, str]]:
        from seqsave.sequences.stated import color_of, others_of, types_of

        info, picture, sequence = self.info, self.info.picture, self.sequence
        if sequence is not None:
            progress = progress_of(sequence)
            yield "frames", f"{frames_of(sequence, progress)}{state_of(progress)}"
            if progress is not None and progress.expected is not None:
                from seqsave import naming

                yield "expected", naming.format_ranges(progress.expected, 20)
        yield "file type", self._filetype() or f".{self.frame.name.rpartition('.')[2]} (no installed decoder reads it)"
        if picture is not None:
            channels = counted(picture.channels, "channel")
            dtypes = ", ".join(sorted(set(types_of(info.stated).values()))) or picture.dtype
            yield "picture", f"{picture.width}x{picture.height}, {channels}, {dtypes}"
        yield "channels", ", ".join(info.stated.channels)
        yield "colour", color_of(info.stated) or "not stated"
        yield "rate", "" if info.rate is None else f"{info.rate} frames/s"
        yield "states", others_of(info.stated)
        yield "bytes", "not known" if self._size is None else format_size(self._size)
        yield "metadata", ", ".join(info.metadata) or "none"
        yield "problem", info.problem
        yield "note", info.note

    def _filetype(self) -> str | None:
        from seqsave.plugins import registry

        spec = registry.spec_for_extension(self.frame.name.rpartition(".")[2])
        return None if spec is None else spec.filetype

    @property
    def _size(self) -> int | None:
        if self.sequence is None:
            return self.info.size
        return self.sequence.size if all(frame.size is not None for frame in self.sequence) else None


def _items(url: str, prefix: str | None, options: Mapping[str, Any]) -> Iterator[_Item]:
    """Yield the sequences or picture of a URL. Raises SequenceNotFoundError, TargetError, FrameNameError, Failure."""
    from seqsave.sequences import finder, lookup
    from seqsave.sequences.info import describe_frame, describe_sequence

    folder_at(url, options)
    means = lookup.look(url, options)
    if means is None:
        raise SequenceNotFoundError(lookup.describe_missing(url, options))
    if isinstance(means, lookup.File):
        frame = _picture(means)
        yield _Item(frame, describe_frame(frame))
        return
    found = finder.find(url, prefix=prefix, storage_options=options)
    fitting = [one for one in found.sequences if found.is_wanted and finder.has_prefix(one, prefix)]
    if not fitting:
        found = finder.find(url, prefix=prefix, storage_options=options, with_lost=True)
        raise SequenceNotFoundError(_nothing(url, prefix, found), topic="no-sequence")
    for sequence in fitting:
        yield _Item(sequence[0], describe_sequence(sequence), sequence)


def _nothing(url: str, prefix: str | None, found: Found) -> str:
    from seqsave.sequences import lookup

    wanted = f"{prefix}_#### " if prefix else f"{url.rpartition('/')[2]} " if lookup.is_pattern(url) else ""
    return f"no sequence {wanted}in {found.where}{found.instead()}"


def _picture(file: Any) -> Frame:
    """Return a single file as a frame. Raises SequenceNotFoundError for a movie or an archive."""
    from seqsave import naming
    from seqsave.sequences.frame import Files

    where = file.target.url_of(file.name)
    kind = naming.kind_of_extension(file.extension)
    if kind in ("movie", "archive"):
        raise SequenceNotFoundError(f"{where} is {'a movie' if kind == 'movie' else 'an archive'}, not a picture")
    split = naming.split_name(file.name)
    return Files(file.target).frame(file.name, None, split[1] if split is not None else 0)
