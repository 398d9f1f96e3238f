"""The declarations that plugins yield: of encoders, storages and observers. They import none of the code they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["EncoderSpec", "ObserverSpec", "Option", "OptionValue", "TargetSpec", "Traits"]

OptionValue = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of an encoder. The declaration is checked early, and shown by the command and the nodes.

    type:     ``bool``, ``int``, ``float`` or ``str``.
    default:  a value of that type; None if the encoder decides.
    min, max: the limits of a number, inclusive; None for no limit.
    choices:  every allowed value; None if it is not a choice.
    help:     one short sentence for users.
    """

    type: type[bool] | type[int] | type[float] | type[str]
    default: OptionValue | None = None
    choices: tuple[OptionValue, ...] | None = None
    min: float | None = None
    max: float | None = None
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """The declaration of an encoder: its name and the values that it accepts. Imports none of its code.

    filetype:     the name that users pick, ``"exr"``. ``metadata="embed"`` also adds the variant
                  ``"exr with embedded workflow"``; only that variant embeds metadata.
    extensions:   without dots; the first one is written, all are read.
    encoder:      ``"package.module:Class"``, imported at first use and called without arguments.
    dtypes:       numpy names of the dtypes that ``encode`` accepts, preferred first. Floats are 0..1 by convention.
    channels:     numbers of channels that ``encode`` accepts (last axis of H,W,C): 1 grey, 2 with alpha, 3 RGB, 4 RGBA.
    options:      by name; values are checked before anything is written.
    metadata:     ``"embed"`` if the file can hold text.
    content_type: the MIME type, set on stores that keep one.
    lossless:     True if decoding returns exactly the encoded pixels, with default options.
    install_hint: the command that installs a missing backend.
    holds:        the fields of ``ImageInfo`` that ``encode`` writes. The writer warns of those that a source states and
                  that are missing here.
    alpha:        ``"straight"`` if files hold straight alpha only: associated colours are divided by alpha before they
                  are encoded. ``"stated"`` if ``encode`` handles both kinds of ``info.image.alpha``.
    default_color: the colour space that a file states if it is given none, in formats that always state one.
    """

    filetype: str
    extensions: tuple[str, ...]
    encoder: str
    dtypes: tuple[str, ...]
    channels: tuple[int, ...] = (1, 3, 4)
    options: Mapping[str, Option] = field(default_factory=dict)
    metadata: Literal["embed", "none"] = "none"
    content_type: str = "application/octet-stream"
    lossless: bool = True
    install_hint: str | None = None
    holds: tuple[str, ...] = ()
    alpha: Literal["straight", "stated"] = "straight"
    default_color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What seqsave relies on when it uses an fsspec filesystem: the guarantees of ``pipe_file``, ``mv`` and ``ls``.

    Without traits the weakest guarantees are assumed: ``create`` is refused, and threads take turns.

    publish:  ``"put"``: one ``pipe_file`` publishes a whole file, which appears under its name complete or not at all.
              ``"move"``: a temporary file beside it, then ``mv``. ``"plain"``: one ``pipe_file``, which a reader may
              see unfinished.
    create:   ``pipe_file(path, data, mode="create")`` raises FileExistsError if the path is taken, decided by the
              store in the same request. seqsave tests this with a small file before it relies on it.
    folders:  it has real folders, which seqsave creates when a write finds none.
    own_top:  the first part of a path is a container (a bucket, a share) that seqsave never creates.
    threads:  ``"shared"``: one instance serves all threads at the same time. ``"each"``: one instance for each thread.
              ``"turns"``: one instance, one thread at a time.
    retries:  its client always retries failed requests, so its failures are final, and attempts do not multiply.
    keywords: ``"package.module:function"``, called with a content type and a size in bytes; returns the keyword
              arguments that ``pipe_file`` gets for them. None: it gets none.
    move:     ``"package.module:function"``, called with the filesystem, an old and a new path: as ``mv``, and replaces.
    write:    ``"package.module:function"``, called with the filesystem, a path and bytes, in place of ``pipe_file``.
    refused:  characters that its driver does not treat as part of a name.
    ls:       ``"package.module:function"``, called with the filesystem and a folder, in place of ``ls`` with details.
              The type of a pipe, a socket or a device is ``"other"``.
    """

    publish: Literal["put", "move", "plain"]
    create: bool = False
    folders: bool = True
    own_top: bool = False
    threads: Literal["shared", "each", "turns"] = "turns"
    retries: bool = False
    keywords: str | None = None
    move: str | None = None
    write: str | None = None
    refused: str = ""
    ls: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """The declaration of a storage: its protocols and its code or traits. Imports none of its code.

    protocols:    the names before ``://``, such as ``("shelf",)``; lower case.
    target:       ``"package.module:Class"``, a subclass of ``seqsave.targets.Target``, imported at first use.
    traits:       how to use the filesystem that fsspec has for these protocols, in place of ``target``.
    options:      storage options that are checked before anything is opened. Others are passed on unchecked.
    install_hint: the command that installs a missing backend.

    Exactly one of ``target`` and ``traits`` is set.
    """

    protocols: tuple[str, ...]
    target: str | None = None
    traits: Traits | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    install_hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSpec:
    """The declaration of an observer, which gets the events of every writer. Imports none of its code.

    name:         for messages and ``seqsave plugins``, such as ``"farm-database"``.
    observer:     ``"package.module:function"``, called with each ``Event``; or ``"package.module:Class"``, of which one
                  instance is made for each writer, without arguments, and called with each ``Event`` of that writer.
    install_hint: the command that installs a missing backend.
    """

    name: str
    observer: str
    install_hint: str | None = None
