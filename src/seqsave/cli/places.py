"""What the arguments name: a URL or storage options that are not understood are a wrong call, in every command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqsave.cli.app import FAILED, WRONG_CALL, Failure
from seqsave.errors import TargetError

if TYPE_CHECKING:
    from seqsave.targets import Target

__all__ = ["file_at", "folder_at"]


def folder_at(url: str, storage_options: Mapping[str, Any]) -> Target:
    """The target of a folder, as ``targets.resolve``. Raises Failure."""
    from seqsave import targets

    with _understood():
        return targets.resolve(url, storage_options)


def file_at(url: str, storage_options: Mapping[str, Any]) -> tuple[Target, str]:
    """The target of a file's folder, and the file's name, as ``targets.resolve_file``. Raises Failure."""
    from seqsave import targets

    with _understood():
        return targets.resolve_file(url, storage_options)


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except TargetError as error:
        # Some drivers connect as soon as they are made: that a server does not answer is not the caller's fault.
        raise Failure(str(error), FAILED if error.transient else WRONG_CALL) from error
