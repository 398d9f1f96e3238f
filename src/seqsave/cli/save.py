"""``seqsave save``: save a video, folder, glob, array or sequence to a folder, a bucket or memory."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from seqsave import naming
from seqsave.cli.app import WRONG_CALL, Command, Failure
from seqsave.cli.output import Messages
from seqsave.cli.parameters import (
    as_frames,
    as_run,
    as_storage_options,
    folder_at,
    json_option,
    metadata_of,
    quiet_option,
    settings_options,
    storage_option,
)
from seqsave.cli.run import Job
from seqsave.cli.tasks import RunTask
from seqsave.errors import OptionError, SequenceNotFoundError
from seqsave.wording import first_of
from seqsave.writer.config import SETTINGS

if TYPE_CHECKING:
    from seqsave.naming import NameRule
    from seqsave.plugins.registry import Resolved
    from seqsave.sources import Keep, Source, SourceFrame
    from seqsave.targets import Target
    from seqsave.writer import SequenceWriter

__all__ = ["save_command"]

# What an option of the command means or takes beyond the setting of the writer.
_DIFFERENT: Mapping[str, Mapping[str, Any]] = {
    "filetype": {"multiple": True, "default": [SETTINGS["filetype"].default], "note": "See 'seqsave filetypes'."},
    "options": {"note": "For example quality=92."},
    "metadata": {"note": "Anything that is not JSON is stored as text."},
    "withhold": {"note": "For example 'Note.*' or '*.api_key'."},
    "max_bytes": {"note": "For example 500MB or 2GiB."},
    "start": {"default": None, "note": "Without it the source's own numbers are kept."},
    "step": {"default": None, "note": "With it the frames get new numbers."},
    "storage_options": {"callback": as_storage_options, "note": "Values may be JSON."},
    "spool": {"note": "'default' is the usual folder; 'seqsave flush' publishes what is left there."},
}
# None of these can be had by copying a file.
_CHANGING = ("options", "dtype", "color", "convert_to", "dpi", "tags", "withhold", "metadata_in")


@click.command(
    "save",
    cls=Command,
    examples=[
        "seqsave save clip.mp4 s3://renders/shot010 --filetype jpg --option quality=92",
        "seqsave save ./renders s3://renders/shot010 --if-exists skip",
        "seqsave save 'old/*.tif' new --prefix shot --start 1001 --workflow workflow.json",
        "seqsave save s3://renders/shot010 ./local --filetype jpg",
        "seqsave save clip.mp4 'out/shot.####.exr' --start 1001",
        "seqsave save ./renders s3://renders/shot010 --frames 0-99 --run shot010",
        "seqsave save ./renders ./out --filetype png --filetype jpg --tag 'copyright=© 2026 Studio' --preview mp4",
    ],
)
@click.argument("paths", metavar="SOURCE URL", nargs=-1)
@settings_options(_DIFFERENT)
@storage_option("--source-storage-option", "SOURCE")
@click.option("--workflow", metavar="FILE", help="Embed a workflow or API prompt from a JSON file; '-' reads stdin.")
@click.option("--attempts", type=click.IntRange(1), help="Maximum requests per file.  [default: 30]")
@click.option(
    "--deadline",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Seconds to keep retrying a file; 10 if the storage was never reached.  [default: 120]",
)
@click.option(
    "--frames",
    metavar="FRAMES",
    callback=as_frames,
    help="Only these frames of SOURCE, by their numbers: 0-99, 1-10x2, 1,5,9. A video's are counted from 0.",
)
@click.option(
    "--run",
    metavar="JOB",
    callback=as_run,
    help="Save as one task of a run of this name, which many machines may take part in; 'seqsave commit' ends the run.",
)
@quiet_option
@json_option("the result")
def save_command(paths: tuple[str, ...], quiet: bool, as_json: bool, **given: Any) -> int:
    """Save SOURCE as an image sequence at URL.

    SOURCE is a video, a .npy array with the axes T,H,W,C, a picture, a folder, a glob ('shots/*.png'), or a sequence
    to copy or convert: its folder, or a pattern ('frame_#####.png', 'frame_%05d.png'). URL is a folder, or a pattern
    that names the files and their file type ('out/shot.####.exr'). Both may be local paths or fsspec URLs
    (s3://bucket/shot010, memory://shot), or names of configured targets.

    Numbers in the names of a sequence are kept, gaps too. Files that are of the wanted format already are copied byte
    for byte, unless --option, --metadata, --workflow or another file type, dtype, color, dpi or tag ask for a change.
    """
    source, url = _source_and_url(paths)
    messages = Messages(quiet)
    with messages.catching():
        task = _Task.prepare(source, url, given, messages)
        return task.job(url, as_json).run()


def _source_and_url(paths: tuple[str, ...]) -> tuple[str, str]:
    """Return SOURCE and URL. More than two paths come from a glob that the shell expanded."""
    context = click.get_current_context()
    if len(paths) < 2:
        raise click.UsageError(f"SOURCE and URL are needed: {'URL' if paths else 'SOURCE'} is missing", context)
    if len(paths) > 2:
        some = first_of(paths, 3)
        raise click.UsageError(
            f"expected one SOURCE and one URL, but got {len(paths)} paths: {some}. "
            "Put a glob in quotes, as 'renders/*.png'",
            context,
        )
    return paths[0], paths[1]


@dataclass(slots=True)
class _Task:
    """The decisions made before the first frame is read."""

    source: Source
    numbers: _Numbers
    rules: list[NameRule]
    filetypes: list[str]
    settings: dict[str, Any]
    metadata: Mapping[str, Any]
    messages: Messages
    run: str | None

    @classmethod
    def prepare(cls, source_url: str, url: str, given: Mapping[str, Any], messages: Messages) -> _Task:
        """Check the arguments, open the source and make sure that the save does not overwrite it."""
        from seqsave.sources import open_source
        from seqsave.writer.destination import at_destination

        metadata = metadata_of(given["metadata"], given["workflow"])
        settings = _settings(given, metadata)
        into_options, from_options = given["storage_options"], given["source_storage_option"]
        folder_at(url, into_options)
        folder, config = at_destination(url, None, settings)
        formats = config.formats
        resolved = [form.resolved for form in formats]
        if given["metadata_in"] != "sidecar":
            _check_embeds(resolved, metadata)
        target = folder_at(str(folder), into_options)
        folder_at(source_url, from_options)
        is_changed = bool(metadata or len(resolved) > 1 or any(_is_given(given, name) for name in _CHANGING))
        source = open_source(source_url, from_options, keep=None if is_changed else _keep(resolved[0]))
        numbers = _Numbers(source.first, given["start"], given["step"])
        if given["frames"] is not None:
            source, numbers = numbers.select(source, given["frames"])
        settings["start"], settings["step"], settings["rate"] = numbers.start, numbers.step, source.rate
        if _may_be_same_place(into_options, from_options):
            for form in formats:
                _refuse_own_files(source, target, form.rule, numbers)
        messages.note(source.description)
        if len(resolved) == 1:
            _hint_at_copying(source, resolved[0], messages)
        rules, filetypes = [form.rule for form in formats], [one.filetype for one in resolved]
        return cls(source, numbers, rules, filetypes, settings, metadata, messages, given["run"])

    def job(self, url: str, as_json: bool) -> Job:
        """Return the save, ready to run."""
        total, limit = self.numbers.count(self.source), self.settings["total"]
        expected = min(total, limit) if total is not None and limit is not None else total
        task = None if self.run is None else RunTask(url, self.run, self.numbers.planned(self.source), self.messages)
        return Job(
            url=url,
            settings=self.settings,
            feed=self.feed,
            messages=self.messages,
            pattern=", ".join(rule.pattern for rule in self.rules),
            expected=None if expected is None else expected * len(self.rules),
            as_json=as_json,
            facts={"source": self.source.description, "filetype": ", ".join(self.filetypes)},
            resuming="" if task is not None else "--if-exists skip",
            open=None if task is None else task.open,
            on_saved=None if task is None else task.leave,
        )

    def feed(self, writer: SequenceWriter) -> None:
        """Write every frame of the source."""
        planned = self.numbers.planned(self.source) or self.source.total
        if planned is not None:
            writer.plan(planned, about=self.source.about)
        shown = 0
        copied = _Sizes(self.messages)
        try:
            for frame, index in self.numbers.of(self.source):
                shown = self._warn_of_notes(shown)
                if frame.data is not None:
                    copied.look(index, frame)
                    writer.write_encoded(frame.data, index=index, batch=frame.batch, leftover=frame.metadata)
                else:
                    # What the command says of all frames is the writer's, and goes before what a file says.
                    metadata = {name: value for name, value in frame.metadata.items() if name not in self.metadata}
                    writer.write(frame.image, index=index, batch=frame.batch, metadata=metadata)
        finally:
            self._warn_of_notes(shown)

    def _warn_of_notes(self, shown: int) -> int:
        for note in self.source.notes[shown:]:
            self.messages.warn(note)
        return len(self.source.notes)


class _Numbers:
    """The numbers of the frames: their own, or new ones with --start or --step or if they have none."""

    def __init__(self, first: int | None, start: int | None, step: int | None) -> None:
        self.kept = first is not None and start is None and step is None
        self.start = start if start is not None else first or 0
        self.step = 1 if step is None else step
        self._wanted: frozenset[int] | None = None
        self._table: dict[int, int] | None = None

    def select(self, source: Source, wanted: tuple[range, ...]) -> tuple[Source, _Numbers]:
        """Return the source of some frames, and the numbers that they have among all frames. Raises Failure."""
        chosen = copy.copy(self)
        chosen._wanted = frozenset(index for run in wanted for index in run)  # noqa: SLF001 - another one of this class
        if source.only is None:
            if source.total is not None and not source.about:
                _check_found(chosen._wanted - set(range(source.total)), source)  # noqa: SLF001
            return source, chosen
        following = self._following()
        own = ((position if index is None else index, index) for position, (_, index, _) in enumerate(source.files))
        table = {number: following(index) for number, index in own}
        _check_found(chosen._wanted - table.keys(), source)  # noqa: SLF001
        chosen._table = table  # noqa: SLF001
        return source.only(chosen._wanted), chosen  # noqa: SLF001

    def planned(self, source: Source) -> set[int]:
        """Return the numbers that the frames will have; an empty set if they are not known."""
        if self._wanted is not None and self._table is None:
            return {self.start + position * self.step for position in self._wanted}
        if not source.files and source.total is not None and not source.about:
            return {self.start + position * self.step for position in range(source.total)}
        return {index for index, _ in self.of_files(source)}

    def count(self, source: Source) -> int | None:
        """Return how many frames there are, as far as that is known."""
        return source.total if self._wanted is None or self._table is not None else len(self._wanted)

    def of(self, source: Source) -> Iterator[tuple[SourceFrame, int]]:
        """Yield each frame with its number."""
        following, wanted = self._following(), self._wanted
        if wanted is None or self._table is not None:
            for frame in source:
                yield frame, following(frame.index)
            return
        last, seen = max(wanted), 0
        for seen, frame in enumerate(source, start=1):
            number = following(frame.index)
            if seen - 1 in wanted:
                yield frame, number
            if seen > last:
                return
        _check_found(wanted - set(range(seen)), source)

    def of_files(self, source: Source) -> Iterator[tuple[int, int | None]]:
        """Yield (number, batch) of each file, without reading any."""
        following = self._following()
        for _, index, batch in source.files:
            yield following(index), batch

    def _following(self) -> Callable[[int | None], int]:
        state: dict[str, int | None] = {"number": self.start - self.step, "index": None}

        def number(index: int | None) -> int:
            """Return the number of the next frame; consecutive variations of one frame share it."""
            if self._table is not None and index is not None:
                return self._table[index]
            if self.kept and index is not None:
                return index
            if index is None or index != state["index"]:
                state["number"], state["index"] = (state["number"] or 0) + self.step, index
            return state["number"] or 0

        return number


def _check_found(missing: Set[int], source: Source) -> None:
    """Raise SequenceNotFoundError for frames that the source does not have."""
    if missing:
        numbers = naming.format_ranges(naming.to_ranges(sorted(missing)), 10)
        raise SequenceNotFoundError(f"there are no frames {numbers} in {source.description}: correct --frames")


class _Sizes:
    """Warn once if copied pictures change their size; the writer checks those that it encodes."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._first: tuple[int, int] | None = None
        self._warned = False

    def look(self, index: int, frame: SourceFrame) -> None:
        """Compare the frame with the first one."""
        self._first = self._first or frame.size
        if self._warned or frame.size is None or self._first is None or frame.size == self._first:
            return
        self._warned = True
        size, first = ("x".join(map(str, pair)) for pair in (frame.size, self._first))
        self._messages.warn(f"frame {index}: is {size}, the frames before are {first}")


def _check_embeds(resolved: Sequence[Resolved], metadata: Mapping[str, Any]) -> None:
    if not metadata or any(one.embed for one in resolved):
        return
    first = resolved[0]
    variant = f"{first.filetype} with embedded workflow"
    use = f"use --filetype '{variant}'" if first.spec.metadata == "embed" else "choose another filetype"
    raise OptionError(
        f"filetype {first.filetype!r} does not hold {', '.join(metadata)}: {use}, or --metadata-in sidecar"
    )


def _is_given(given: Mapping[str, Any], name: str) -> bool:
    return bool(given[name]) and given[name] != SETTINGS[name].default


def _settings(given: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the writer; numbers and rate come from the open source."""
    from seqsave.runtime.retry import RetryPolicy

    context = click.get_current_context()
    # The names and file types that were not asked for may come from the pattern of the destination.
    left_out = [
        name
        for name in ("prefix", "separator", "digits", "filetype")
        if context.get_parameter_source(name) in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    ]
    settings = {name: given[name] for name in SETTINGS if name in given and name not in ("start", "step", *left_out)}
    return {
        **settings,
        **({} if "filetype" in left_out else {"filetype": list(given["filetype"])}),
        "metadata": metadata,
        "spool": True if given["spool"] == "default" else given["spool"],
        "retry": RetryPolicy(**{name: given[name] for name in ("attempts", "deadline") if given[name] is not None}),
    }


def _keep(resolved: Resolved) -> Keep:
    """Return the format whose files are copied unchanged; None if all are encoded."""
    from seqsave.sources import Keep

    return Keep(spec=resolved.spec, bare=not resolved.embed)


def _hint_at_copying(source: Source, resolved: Resolved, messages: Messages) -> None:
    """Note how a sequence of JPEGs, which becomes PNG by default, can be copied instead."""
    from seqsave.plugins.registry import spec_for_extension

    if len(source.extensions) != 1:
        return
    spec = spec_for_extension(next(iter(source.extensions)))
    is_default = resolved.filetype == SETTINGS["filetype"].default
    if spec is not None and spec.content_type != resolved.spec.content_type and is_default:
        messages.note(
            f"the frames become {resolved.filetype!r}; --filetype {spec.filetype} would copy them as they are"
        )


def _may_be_same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether equal URLs mean the same files: not if they name different servers."""
    return bool(_endpoint(one) == _endpoint(other))


def _endpoint(options: Mapping[str, Any]) -> Any:
    client = options.get("client_kwargs")
    inner = client.get("endpoint_url") if isinstance(client, Mapping) else None
    return options.get("endpoint_url") or inner or options.get("host")


def _refuse_own_files(source: Source, target: Target, rule: NameRule, numbers: _Numbers) -> None:
    """Raise Failure if the save would replace a file of the source."""
    own = {_canonical(url, target): url for url, _, _ in source.files}
    if not own:
        return
    for index, batch in numbers.of_files(source):
        url = target.url_of(rule.format(index, batch))
        if _canonical(url, target) in own:
            raise Failure(
                f"{url} would replace a file of the source itself: save to another folder, or with another --prefix",
                WRONG_CALL,
            )


def _canonical(url: str, target: Target) -> str:
    if not target.is_local:
        return url
    folder, name = os.path.split(url)
    return os.path.normcase(os.path.join(os.path.realpath(folder), name))  # noqa: PTH118 - text to compare, not a path
