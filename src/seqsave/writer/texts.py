"""Collect the metadata of a writer's frames, and warn of metadata that no file holds and of patterns without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqsave.wording import first_of

if TYPE_CHECKING:
    from seqsave.writer.formats import Format
    from seqsave.writer.settings import EmbeddedMetadata

__all__ = ["FrameTexts"]

# Characters of a name in a message.
LONGEST = 60


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

    def of(self, metadata: Mapping[str, Any] | None) -> dict[str, str]:
        """Return the text of one frame's own metadata, without withheld values. Raises MetadataError."""
        return self._embedding.own_texts(metadata, self._matched)

    def note_accepted(self, own: Mapping[str, str]) -> None:
        """Warn of metadata that is not saved, now that a frame with this metadata of its own is accepted."""
        names = {**self._embedding.texts, **own}
        self._has_texts = self._has_texts or bool(own)
        if not (self._is_lost and names):
            return
        first = self._formats[0].resolved
        variant = f"`filetype='{first.spec.filetype} with embedded workflow'` or " * (first.spec.metadata == "embed")
        shown = first_of([repr(name[:LONGEST]) for name in names], 10)
        self._warn(
            "metadata",
            f"metadata {shown} is not saved, since filetype {first.filetype!r} does not embed it: use {variant}"
            "`metadata_in='sidecar'`, or `metadata_in='none'` to drop it",
        )

    def note_end(self) -> None:
        """Warn of patterns of ``withhold`` that matched nothing, if there was any metadata."""
        unused = [pattern for pattern in self._embedding.withhold or () if pattern not in self._matched]
        if unused and self._has_texts:
            self._warn(
                "withhold",
                f"withhold: {', '.join(map(repr, unused))} matched no input of any prompt or workflow",
            )
