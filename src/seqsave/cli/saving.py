"""Prepare one save of the command, and pass the frames of its source to the writer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.cli.app import WRONG_CALL, Failure
from seqsave.cli.output import Messages
from seqsave.cli.parameters import (
    folder_at,
    metadata_of,
)
from seqsave.cli.run import Job
from seqsave.cli.tasks import RunTask
from seqsave.errors import OptionError, SourceError
from seqsave.settings.config import SETTINGS
from seqsave.wording import counted

if TYPE_CHECKING:
    from seqsave.cli.numbers import Numbers
    from seqsave.naming import NameRule
    from seqsave.plugins.registry import Resolved
    from seqsave.saving.copies import Copy
    from seqsave.settings.config import WriterConfig
    from seqsave.sources import Source
    from seqsave.targets import Target
    from seqsave.writer import SequenceWriter

__all__ = ["SaveTask"]


@dataclass(slots=True)
class SaveTask:
    """One save, as decided before the first frame is read."""

    numbers: Numbers
    copy: Copy | None
    folder: str
    config: WriterConfig
    settings: Mapping[str, Any]
    metadata: Mapping[str, Any]
    messages: Messages
    run: str | None
    keep_going: bool
    unread: list[tuple[int, SourceError]] = field(default_factory=list)

    @classmethod
    def prepare(cls, source: Source, url: str, given: Mapping[str, Any], messages: Messages) -> SaveTask:
        """Check the arguments, and make sure that the save does not overwrite the source."""
        from seqsave.cli.numbers import Numbers
        from seqsave.saving.copies import Copy
        from seqsave.settings.destination import at_destination

        metadata = metadata_of(given["metadata"], given["workflow"])
        settings = _settings(given, metadata)
        start, step, offset = given["start"], given["step"], given["offset"] or 0
        folder_at(url, given["storage_options"])
        copy: Copy | None = None
        folder: str | os.PathLike[str]
        if source.sequence is not None:
            moved = {name: given[name] for name in ("start", "step") if given[name] is not None}
            copy = Copy.to(url, source.sequence, {**settings, **moved}, offset=offset)
            folder, config = copy.folder, copy.config
        else:
            folder, config = at_destination(url, None, settings)
        resolved = [form.resolved for form in config.formats]
        if copy is None or not copy.is_copy:
            source = _in_their_bits(_converted(source, config, given, metadata), resolved, given["dtype"], messages)
        table = None if copy is None else copy.numbers
        numbers = Numbers(source, start=start, step=step, offset=offset, table=table)
        if given["frames"] is not None:
            numbers.select(given["frames"])
        rate = config.embedding.rate if given["rate"] or copy is not None else source.rate
        config = _with(config, start=numbers.start, step=numbers.step, rate=rate)
        if copy is not None:
            copy = replace(copy, config=config)
            copy.refuse_own_files(numbers.wanted)
        elif _may_be_same_place(given["storage_options"], given["source_storage_option"]):
            target = folder_at(str(folder), given["storage_options"])
            for form in config.formats:
                _refuse_own_files(source, target, form.rule, numbers)
        messages.note(source.description)
        if source.sequence is None and len(resolved) == 1:
            _hint_at_copying(source, resolved[0], messages)
        return cls(numbers, copy, str(folder), config, settings, metadata, messages, given["run"], given["keep_going"])

    @property
    def source(self) -> Source:
        """Return the source of the frames that are to be saved."""
        return self.numbers.source

    def job(self, as_json: bool) -> Job:
        """Return the save, ready to run."""
        total, limit = self.numbers.count(), self.config.naming.total
        expected = min(total, limit) if total is not None and limit is not None else total
        formats = self.config.formats
        task = None if self.run is None else self._run_task(self.run)
        return Job(
            url=self.folder,
            settings=self.settings if task is None else self._settings_of_run(),
            config=self.config,
            feed=self.feed,
            messages=self.messages,
            pattern=", ".join(form.rule.pattern for form in formats),
            expected=None if expected is None else expected * len(formats),
            as_json=as_json,
            facts={
                "source": self.source.description,
                "filetype": ", ".join(form.resolved.filetype for form in formats),
            },
            resuming="" if task is not None else "--if-exists skip",
            open=None if task is None else task.open,
            on_saved=self._report_unread if task is None else task.leave,
        )

    def _run_task(self, run: str) -> RunTask:
        """Return one task of a run. Its URL is a pattern, since the names may be those of the source."""
        url = self.folder
        if self.config.pattern is not None:  # with the extension of the files that are saved
            url = f"{url.rstrip('/')}/{self.config.formats[0].rule.name}"
        return RunTask(url, run, self.numbers.planned(), self.messages)

    def _settings_of_run(self) -> dict[str, Any]:
        made = self.config.settings
        stated = {name: made[name] for name in ("start", "step", "rate", "recipe", "metadata", "metadata_in")}
        settings = {**self.settings, **stated}
        if self.config.pattern is not None:
            left_out = ("prefix", "separator", "digits")
            settings = {name: value for name, value in settings.items() if name not in left_out}
        if self.config.copies:
            settings["filetype"] = self.config.copies
        return settings

    def feed(self, writer: SequenceWriter) -> None:
        """Write every frame of the source."""
        from seqsave.saving.copies import note_gaps

        copy, planned = self.copy, self.numbers.planned() or self.source.total
        if planned is not None:
            writer.plan(planned, about=self.source.about)
        if copy is not None:
            note_gaps(writer, copy, self.numbers.wanted)
        if copy is not None and copy.is_copy:
            self._warn_of_notes(0)
            self._copy(writer, copy)
        else:
            self._convert(writer)

    def _copy(self, writer: SequenceWriter, copy: Copy) -> None:
        from seqsave.saving.copies import copy_frames
        from seqsave.sequences.file import files_of

        wanted = self.numbers.wanted
        frames = [frame for frame in copy.sequence if wanted is None or frame.index in wanted]
        files = (
            (file, copy.number(file.frame.index), copy.name_of(file.frame)) for file in files_of(copy.sequence, frames)
        )
        if not copy_frames(writer, files, keep_going=self.keep_going):
            self.messages.note("stopped at the first frame that cannot be read; --keep-going saves the others")

    def _convert(self, writer: SequenceWriter) -> None:
        from seqsave.saving.copies import write_frame

        shown = 0
        try:
            for frame, index in self.numbers.of_frames():
                shown = self._warn_of_notes(shown)
                if frame.error is not None:
                    self.unread.append((index, frame.error))
                    writer.note_lacking([index])
                else:
                    # Metadata from the command is the writer's, and takes precedence over that of a file.
                    write_frame(writer, frame, index, without=self.metadata)
        finally:
            self._warn_of_notes(shown)

    def _report_unread(self, _writer: SequenceWriter) -> None:
        """Raise SourceError if frames could not be read, after all others are saved."""
        if self.unread:
            numbers = naming.format_ranges(naming.to_ranges(sorted({index for index, _ in self.unread})), 10)
            count, first = counted(len(self.unread), "frame"), self.unread[0][1]
            raise SourceError(f"{count} not saved, as reading failed ({numbers}): {first}") from first

    def _warn_of_notes(self, shown: int) -> int:
        for note in self.source.notes[shown:]:
            self.messages.warn(note)
        return len(self.source.notes)


def _check_embeds(resolved: Sequence[Resolved], metadata: Mapping[str, Any]) -> None:
    if not metadata or any(one.embed for one in resolved):
        return
    first = resolved[0]
    variant = f"{first.filetype} with embedded workflow"
    use = f"use --filetype '{variant}'" if first.spec.metadata == "embed" else "choose another filetype"
    raise OptionError(
        f"file type {first.filetype!r} does not hold {', '.join(metadata)}: {use}, or --metadata-in sidecar"
    )


def _settings(given: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the writer; numbers and rate come from the open source."""
    from seqsave.runtime.retry import RetryPolicy

    # Names and file types that are not given may come from the source, or from a pattern.
    left_out = (
        "start",
        "step",
        *(name for name in ("prefix", "separator", "digits", "filetype", "rate") if not _has(given, name)),
    )
    settings = {name: given[name] for name in SETTINGS if name in given and name not in left_out}
    return {
        **settings,
        **({"filetype": list(given["filetype"])} if given["filetype"] else {}),
        "metadata": metadata,
        "spool": True if given["spool"] == "default" else given["spool"],
        "retry": RetryPolicy(**{name: given[name] for name in ("attempts", "deadline") if given[name] is not None}),
    }


def _has(given: Mapping[str, Any], name: str) -> bool:
    """Return True for an option that was given, also with an empty value."""
    return given[name] not in (None, (), [])


def _converted(source: Source, config: WriterConfig, given: Mapping[str, Any], metadata: Mapping[str, Any]) -> Source:
    """Return a source of pictures, with files that already have the wanted format unchanged. Raises Failure."""
    from seqsave.plugins.registry import install_hint
    from seqsave.saving.copies import keeping_files
    from seqsave.sources import readable_extensions

    if given["metadata_in"] != "sidecar":
        _check_embeds([form.resolved for form in config.formats], metadata)
    unread = sorted(source.extensions - readable_extensions())
    if unread and source.sequence is not None:
        raise Failure(
            f"the frames of {source.description} cannot be converted: no installed encoder reads .{unread[0]} files"
            f"{install_hint(unread[0])}. Without a file type or another change they are copied unchanged",
            WRONG_CALL,
        )
    return keeping_files(source, config, {**given, "metadata": metadata}, keep_going=given["keep_going"])


def _in_their_bits(source: Source, resolved: Sequence[Resolved], dtype: str | None, messages: Messages) -> Source:
    """Return the source with arrays that the file types accept. A warning names those that hold fewer bits."""
    if source.as_dtype is None or dtype == "uint16":
        return source
    if dtype is not None:
        return source.as_dtype("uint8" if dtype == "uint8" else "float32")
    fewer = [one.filetype for one in resolved if all(dtype == "uint8" for dtype in one.spec.dtypes)]
    if not fewer:
        return source
    every = "" if len(fewer) == len(resolved) else ", for all file types: save the others in a call of their own"
    messages.warn(
        f"the source has {source.depth} bits per channel, and {', '.join(fewer)} files hold 8: it is read with 8{every}"
    )
    return source.as_dtype("uint8")


def _hint_at_copying(source: Source, resolved: Resolved, messages: Messages) -> None:
    """Explain how a JPEG, which becomes a PNG by default, can be copied instead."""
    from seqsave.plugins.registry import spec_for_extension

    if len(source.extensions) != 1:
        return
    spec = spec_for_extension(next(iter(source.extensions)))
    is_default = resolved.filetype == SETTINGS["filetype"].default
    if spec is not None and spec.content_type != resolved.spec.content_type and is_default:
        messages.note(f"the frames become {resolved.filetype!r}; --filetype {spec.filetype} would copy them unchanged")


def _with(config: WriterConfig, **settings: Any) -> WriterConfig:
    """Return checked settings with other values, under the same names of files."""
    from seqsave.settings.config import with_settings

    made = with_settings(config, settings)
    return replace(made, pattern=config.pattern, copies=config.copies, reads_slowly=config.reads_slowly)


def _may_be_same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether equal URLs mean the same files: not if they name different servers."""
    return bool(_endpoint(one) == _endpoint(other))


def _endpoint(options: Mapping[str, Any]) -> Any:
    client = options.get("client_kwargs")
    inner = client.get("endpoint_url") if isinstance(client, Mapping) else None
    return options.get("endpoint_url") or inner or options.get("host")


def _refuse_own_files(source: Source, target: Target, rule: NameRule, numbers: Numbers) -> None:
    """Raise Failure if the save would replace a file of the source."""
    own = {_canonical(url, target): url for url, _, _ in source.files}
    if not own:
        return
    for index, batch in numbers.of_files():
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
