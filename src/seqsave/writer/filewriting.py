"""The part of a writer that publishes files which exist already, byte for byte, as frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, SupportsIndex

from seqsave.errors import OptionError
from seqsave.writer.encode import checked_file
from seqsave.writer.frame import FrameKey
from seqsave.writer.outputs import FrameSource, Output

if TYPE_CHECKING:
    from seqsave.sequences.file import FrameFile
    from seqsave.types import SavedFrame
    from seqsave.writer.accept import FrameAcceptor

__all__ = ["FileWriting"]


class FileWriting:
    """The methods of a writer for encoded files."""

    _outputs: list[Output]
    _acceptor: FrameAcceptor

    def write_encoded(
        self,
        data: bytes,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        leftover: Mapping[str, str] | None = None,
        recipe: str | None = None,
    ) -> Future[SavedFrame]:
        """Publish an encoded file of this writer's filetype, byte for byte, as one frame.

        leftover: texts that belong to the frame but are not inside the file; they are kept beside it.

        Numbering, at_end, if_exists and errors are those of ``write``.
        """
        self._check_usable()
        encoded = checked_file(data, leftover)
        chosen = self._chosen_recipe(recipe)
        if len(self._outputs) > 1:
            raise OptionError("an encoded file has one filetype: open a writer for that filetype alone")
        source = FrameSource(None, encoded, recipe=chosen)
        return self._acceptor.accept(index, [batch], [source], self._check_usable)[0]

    def write_file(
        self,
        file: FrameFile,
        *,
        index: SupportsIndex | None = None,
        batch: SupportsIndex | None = None,
        name: str = "",
    ) -> Future[SavedFrame]:
        """Publish the file of another sequence's frame, byte for byte, as one frame. It is read on another thread.

        name: of the new file; by default the one that this writer gives to the frame.

        Numbering, at_end, if_exists and errors are those of ``write``; besides, the future may hold a SourceError, with
        which the other frames go on.
        """
        self._check_usable()
        if len(self._outputs) > 1:
            raise OptionError("a file has one filetype: open a writer for that filetype alone")
        source = FrameSource(None, file=file, name=name, recipe=self._chosen_recipe(file.recipe))
        return self._acceptor.accept(index, [batch], [source], self._check_usable)[0]

    def note_size(self, index: int, batch: int | None, size: tuple[int, int]) -> None:
        """Warn, once, of a written file whose picture is not as large as those before it. size: width and height."""
        self._outputs[0].note_size(FrameKey(index, batch), *size)

    def note_lacking(self, indices: Iterable[int]) -> None:
        """State frames that there should be and that this run cannot save: the manifest then never calls it complete.

        May be called until the writer is closed.
        """
        lacking = set(indices)
        for output in self._outputs:
            output.note_lacking(lacking)

    # --- of the writer ---

    def _check_usable(self) -> None:
        raise NotImplementedError

    def _chosen_recipe(self, recipe: str | None) -> str | None:
        raise NotImplementedError
