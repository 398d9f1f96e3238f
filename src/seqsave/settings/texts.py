"""Collect the metadata of a writer's frames and choose its place. Warn of lost values and useless patterns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqsave import naming
from seqsave.errors import MetadataError
from seqsave.metadata.comfyui import StandingPattern
from seqsave.wording import first_of

if TYPE_CHECKING:
    from seqsave.settings.formats import Format
    from seqsave.settings.groups import EmbeddedMetadata
    from seqsave.types import ImageInfo

__all__ = ["FrameTexts", "placed"]

# Characters of a name in a message.
LONGEST = 60
# Characters of a name that every format with texts can hold: those of PNG, https://www.w3.org/TR/png-3/#11tEXt
LONGEST_EMBEDDED = 79
# Bytes of a file's name on local disks and most servers.
LONGEST_FILE_NAME = 255
_ADVICE = {"nan": "Give None, or a text", "key": "Give each key as a text"}


class FrameTexts:
    """The metadata of one writer's frames. Thread-safe. ``warn`` is called with (kind, message)."""

    def __init__(
        self, embedding: EmbeddedMetadata, formats: Sequence[Format], warn: Callable[[str, str], None]
    ) -> None:
        self._embedding = embedding
        self._formats = formats
        self._warn = warn
        self._is_lost = embedding.metadata_in in ("each frame", "first frame") and not any(
            form.resolved.embed for form in formats
        )
        self._has_texts = bool(embedding.texts)
        self._matched = set(embedding.matched)
        self._changed = dict(embedding.changes)
        self._check_names(embedding.texts)

    def of(self, metadata: Mapping[str, Any] | None, info: ImageInfo | None = None) -> dict[str, str]:
        """Return the text of one frame's own metadata, without withheld values. Raises MetadataError.

        info: what its source states; attributes that the format writes anyway are no metadata.
        """
        own = self._embedding.own_texts(metadata, self._matched, self._changed)
        if own and info is not None and info.attributes:
            from seqsave.metadata.stated import beyond_attributes  # here, as numpy comes with it

            own = beyond_attributes(own, info, [form.resolved.spec.filetype for form in self._formats])
        self._check_names(own)
        return own

    def _check_names(self, texts: Mapping[str, str]) -> None:
        """Raise MetadataError for names that cannot be part of a sidecar's name, if a sidecar may be needed."""
        for form in self._formats if texts and self._embedding.metadata_in != "none" else ():
            frame = form.rule.file_name(0)
            for name in texts:
                if self._embedding.metadata_in != "sidecar" and len(name) <= LONGEST_EMBEDDED:
                    continue
                length = len(naming.sidecar_name(frame, 0, name)) - len(naming.PRIVATE_FOLDER) - 1
                if length > LONGEST_FILE_NAME:
                    raise MetadataError(
                        f"the name of metadata {name[:LONGEST]!r} ... is too long: the sidecar of {frame} for it would "
                        f"have a name of {length} bytes, of at most {LONGEST_FILE_NAME}. Use a shorter name"
                    )

    def note_accepted(self, own: Mapping[str, str]) -> None:
        """Warn of metadata that is changed or not saved, after a frame with this metadata of its own is accepted."""
        self._has_texts = self._has_texts or bool(own)
        names = {**self._embedding.texts, **own} if self._is_lost else {}
        if not names:
            for kind in list(self._changed) if self._embedding.metadata_in != "none" else ():
                self._warn(f"metadata {kind}", f"metadata {self._changed[kind]}. {_ADVICE[kind]}")
            return
        first = self._formats[0].resolved
        variant = f"`filetype='{first.spec.filetype} with embedded workflow'` or " * (first.spec.metadata == "embed")
        shown = f"{first_of([repr(name[:LONGEST]) for name in names], 10)} {'is' if len(names) == 1 else 'are'}"
        self._warn(
            "metadata",
            f"metadata {shown} not saved, since file type {first.filetype!r} embeds none: use {variant}"
            "`metadata_in='sidecar'`, or `metadata_in='none'` to drop it",
        )

    def note_end(self) -> None:
        """Warn of patterns of ``withhold`` that matched nothing, if there was any metadata.

        Patterns of a configuration apply to every graph, and need not match an input of this one.
        """
        given = [one for one in self._embedding.withhold or () if not isinstance(one, StandingPattern)]
        unused = [pattern for pattern in given if pattern not in self._matched]
        if unused and self._has_texts:
            self._warn(
                "withhold",
                f"withhold: {', '.join(map(repr, unused))} matched no input of any prompt or workflow",
            )


def placed(
    embedding: EmbeddedMetadata, own: Mapping[str, str], *, is_first: bool, embeds: bool
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the metadata for one frame's file, and the metadata for sidecars beside it.

    own:      the frame's own metadata. is_first: it is the first frame of the sequence.
    embeds:   the file type embeds metadata.
    """
    where = embedding.metadata_in
    if where == "none":
        return {}, {}
    shared = embedding.texts if where == "each frame" or is_first else {}
    texts = {**shared, **own} if own else shared
    if where == "sidecar":
        return {}, texts
    return (texts if embeds else {}), {}
