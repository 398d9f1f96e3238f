"""The settings of a writer: each one is declared once, as a field of a group, and checked where its group is made.

Everything else is made from the declarations: the signature and the docstring that ``help()`` shows, the stub that
editors read, the options of the command, the widgets of the nodes, and the tables of the documentation. Importing this
module imports nothing heavy.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from seqsave import naming
from seqsave.errors import OptionError
from seqsave.metadata.comfyui import Withholding, check_patterns
from seqsave.metadata.text import changes, dump, is_shallow
from seqsave.plugins.options import check_choice, check_flag, check_storage_options
from seqsave.settings.rates import exact_rate
from seqsave.settings.table import setting

if TYPE_CHECKING:
    from seqsave.runtime.retry import RetryPolicy
    from seqsave.types import Event

__all__ = [
    "AtEnd",
    "Delivery",
    "EmbeddedMetadata",
    "IfExists",
    "MetadataIn",
    "Naming",
    "Reports",
]

AtEnd = Literal["stop output", "raise error", "keep going"]
IfExists = Literal["overwrite", "error", "skip", "skip valid", "skip same recipe", "replace"]
MetadataIn = Literal["each frame", "first frame", "sidecar", "none"]

# The values of IfExists that replace no existing frame, and those that replace every one without a look at it.
REPLACING_NONE: tuple[IfExists, ...] = ("error", "skip")
REPLACING_ALL: tuple[IfExists, ...] = ("overwrite", "replace")

_AT_END, _IF_EXISTS, _METADATA_IN = get_args(AtEnd), get_args(IfExists), get_args(MetadataIn)
_PREVIEWS = ("mp4", "webm")

LONGEST_RECIPE = 1000
HIGHEST_DPI = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Names and numbers of the frames. Raises FrameNameError, OptionError."""

    prefix: str = setting(
        "frame",
        help="The first part of each file's name; 'shots/a' puts the files into the subfolder shots. It may be empty.",
        widget="shown",
    )
    separator: str = setting(
        naming.SEPARATOR,
        help="The text between prefix and number: '.' names files such as shot.1001.exr. It may be empty.",
    )
    digits: int = setting(
        5,
        min=0,
        max=naming.MAX_DIGITS,
        help="The minimum width of the number in each name, zero-padded.",
        widget="shown",
    )
    start: int = setting(0, help="The number of the first frame; it may be negative.")
    step: int = setting(1, min=1, help="The distance from one number to the next.")
    total: int | None = setting(
        None,
        min=0,
        help="How many frames the animation has.",
        details="A frame is after the end when index >= start + total * step.",
    )
    at_end: AtEnd = setting(
        "stop output",
        choices=_AT_END,
        help="What happens to a frame after the last one: 'stop output' leaves it out, 'raise error' ends with an "
        "error, 'keep going' saves it.",
        widget="shown",
    )

    def __post_init__(self) -> None:
        rule = naming.NameRule(self.prefix, self.digits, separator=self.separator)
        check_choice("at_end", self.at_end, _AT_END)
        total = None if self.total is None else naming.check_index(self.total, "total")
        _put(self, digits=rule.digits, start=naming.check_frame(self.start, "start"), total=total)
        _put(self, step=naming.check_index(self.step, "step", least=1))
        if total:
            naming.check_frame(self.start + (total - 1) * self.step, "the last frame, by `start`, `step` and `total`,")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedMetadata:
    """Facts that the files state about the pictures. Raises OptionError, MetadataError.

    texts:       the metadata as text, without what is withheld.
    withholding: removes the values to withhold.
    matched:     the patterns of ``withhold`` that matched an input of ``metadata``.
    changes:     what differs in ``texts`` from ``metadata``, the first of each kind: (kind, clause).
    """

    rate: Fraction | float | None = setting(
        None,
        help="Frames per second, for the manifest and for formats that store it.",
        example="24",
        metavar="RATE",
    )
    dpi: float | None = setting(
        None,
        min=1,
        max=HIGHEST_DPI,
        help="Pixels per inch, for formats that store it.",
        example="300",
        page="pictures.md",
        widget="advanced",
    )
    tags: Mapping[str, str] | None = setting(
        None,
        help="Credits and origin to embed: artist, copyright, description, software, digital_source_type "
        "(trainedAlgorithmicMedia for pictures made by AI).",
        example='{"copyright": "2026 Studio"}',
        page="pictures.md",
        flag="--tag",
        metavar="NAME=TEXT",
        widget="advanced",
    )
    metadata: Mapping[str, Any] | None = setting(
        None,
        secret=True,
        help="Values to embed, by name, such as ComfyUI's prompt and workflow: anything that JSON can hold.",
        example='{"seed": 7}',
        page="pictures.md",
        metavar="NAME=JSON",
    )
    metadata_in: MetadataIn = setting(
        "each frame",
        choices=_METADATA_IN,
        help="Where metadata goes: into each frame, the first frame only, sidecar files in .seqsave beside that one, "
        "or nowhere.",
        details="Metadata passed to write() always goes with that frame.",
        page="pictures.md",
        widget="advanced",
    )
    withhold: Sequence[str] | None = setting(
        None,
        help="Node inputs to remove from prompt and workflow before anything is written, as NodeType.input patterns; "
        "'*.input' for all nodes.",
        example='["Note.*", "*.api_key"]',
        page="pictures.md",
        metavar="PATTERN",
        widget="advanced",
    )
    withholding: Withholding = field(init=False, repr=False, compare=False)
    texts: Mapping[str, str] = field(init=False, repr=False, compare=False)
    matched: frozenset[str] = field(init=False, repr=False, compare=False)
    changes: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice("metadata_in", self.metadata_in, _METADATA_IN)
        withholding = Withholding(check_patterns(self.withhold))
        given = self.metadata
        matched: set[str] = set()
        changed: dict[str, str] = {}
        _put(self, withholding=withholding)
        _put(
            self,
            withhold=withholding.patterns,
            texts=self.own_texts(given or None, matched, changed),
            rate=None if self.rate is None else exact_rate(self.rate),
            dpi=None if self.dpi is None else _checked_dpi(self.dpi),
            tags={} if self.tags is None else _checked_tags(self.tags),
        )
        _put(self, matched=frozenset(matched), changes=changed)

    @property
    def exact_rate(self) -> Fraction | None:
        """Return the rate as a fraction."""
        return cast("Fraction | None", self.rate)

    @property
    def stated_tags(self) -> Mapping[str, str]:
        """Return the tags; an empty mapping if none were given."""
        return self.tags or {}

    def own_texts(
        self, metadata: Mapping[str, Any] | None, matched: set[str], changed: dict[str, str]
    ) -> dict[str, str]:
        """Return one frame's own metadata as text. Raises MetadataError.

        matched: gets the patterns of ``withhold`` that have matched an input.
        changed: gets what differs in the texts, the first of each kind.
        """
        if metadata is None:
            return {}
        kept = self.withholding.apply(metadata, matched) if isinstance(metadata, Mapping) else metadata
        texts = dump(kept)
        for kind, clause in changes(kept):
            changed.setdefault(kind, clause)
        return texts

    def for_manifest(self, *, embeds: bool) -> dict[str, Any]:
        """Return the metadata of the whole sequence, if it may be written at all."""
        wanted = self.metadata_in == "sidecar" or (embeds and self.metadata_in != "none")
        return {name: _value(text) for name, text in self.texts.items()} if wanted else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Publication of the frames, and the files beside them. Raises OptionError, EncoderUnavailableError."""

    if_exists: IfExists = setting(
        "overwrite",
        choices=_IF_EXISTS,
        help="What happens when a frame already exists: 'overwrite' replaces it, 'error' never does, 'skip' leaves it "
        "(to resume), 'skip valid' if it is intact, 'skip same recipe' if it was made from the same recipe; 'replace' "
        "overwrites, and removes older frames that the run did not write once it has ended well.",
        details="'error' replaces no frame, not even if another writer runs at the same time. A frame is intact when "
        "it can be decoded and is as large as the picture; the recipe of a frame is recorded in the manifest. "
        "'replace' deletes only files that existed before the run, are named as its frames and lie in folders of the "
        "same kind (batch folders, or none), with their sidecars; after an error or an interruption it deletes none.",
        page="storage.md",
    )
    manifest: bool = setting(
        True,
        help="Write a manifest beside the frames: it lists them and says when the sequence is complete.",
        details="It lies in .seqsave, with sizes and checksums. With False, none is created; an existing one is still "
        "updated.",
        page="manifest.md",
    )
    recipe: str | None = setting(
        None,
        help="What the frames are made from, as a short text such as a hash; kept in the manifest.",
        example='"9ae0daaf"',
        page="manifest.md",
    )
    preview: str | None = setting(
        None,
        choices=_PREVIEWS,
        help="A small movie beside the frames; needs pip install 'seqsave[video]'.",
        example='"mp4"',
        page="pictures.md",
        widget="advanced",
    )
    proxies: bool = setting(
        False,
        help="Also save small pictures of the frames, so that 'seqsave view' plays them from a bucket.",
        details="Half as wide, and thumbnails; as JPEG, 64 frames to a file in .seqsave. A frame that is replaced "
        "loses its small picture or gets a new one.",
        page="proxies.md",
        widget="advanced",
    )
    storage_options: Mapping[str, Any] | None = setting(
        None,
        secret=True,
        help="Options of the storage, such as endpoint_url=https://objects.example.",
        details="They go to the fsspec filesystem. Credentials are better kept in the environment, a profile or a "
        "configured target.",
        example='{"profile": "renderer"}',
        page="storage.md",
        flag="--storage-option",
        metavar="NAME=VALUE",
    )
    retry: RetryPolicy | None = setting(
        None,
        help="How often and how long to retry temporary failures: throttling, resets, time-outs, 5xx.",
        example="seqsave.RetryPolicy(attempts=3)",
        page="storage.md",
        flag=None,
    )
    spool: str | os.PathLike[str] | bool | None = setting(
        None,
        help="A local folder that keeps frames while the storage is unavailable, so that the run can continue.",
        details="True is the usual folder. They are published as soon as the storage is back, at the latest by the "
        "next writer or by 'seqsave flush'. close raises SaveError when any are left there.",
        example='"/var/spool/renders"',
        page="spool.md",
        metavar="DIR",
    )
    publish_behind: bool = setting(
        False,
        help="Put every frame into the spool first, and publish from there in the background.",
        details="A frame is 'spooled' as soon as it is safe there, and close waits for nothing else.",
        page="spool.md",
        flag=None,
    )

    def __post_init__(self) -> None:
        check_choice("if_exists", self.if_exists, _IF_EXISTS)
        check_flag("manifest", self.manifest)
        check_flag("proxies", self.proxies)
        check_flag("publish_behind", self.publish_behind)
        check_storage_options(self.storage_options)
        usual = _usual_policy()
        policy = usual if self.retry is None else self.retry
        if not isinstance(policy, type(usual)):
            raise OptionError(f"retry is {policy!r}: it must be a seqsave.RetryPolicy, as RetryPolicy(attempts=3)")
        _check_recipe(self.recipe)
        if self.preview is not None:
            if self.preview not in _PREVIEWS:
                raise OptionError(f"preview is {self.preview!r}: it must be {' or '.join(_PREVIEWS)}")
            from seqsave.pictures.codecs import choose

            choose(self.preview)
        _put(self, retry=policy, manifest=bool(self.manifest), publish_behind=bool(self.publish_behind))
        _put(self, proxies=bool(self.proxies))

    @property
    def spool_folder(self) -> str | os.PathLike[str] | bool | None:
        """Return the spool, also if only ``publish_behind`` asks for one."""
        return True if self.publish_behind and self.spool in (None, False) else self.spool

    @property
    def policy(self) -> RetryPolicy:
        """Return the retry policy, the default one if none was given."""
        assert self.retry is not None  # noqa: S101 - for the type checker: __post_init__ has put one there
        return self.retry

    def chosen_recipe(self, recipe: str | None) -> str | None:
        """Return the recipe of one frame: its own, or that of all frames. Raises OptionError."""
        chosen = self.recipe if recipe is None else _check_recipe(recipe)
        if chosen is None and self.if_exists == "skip same recipe":
            raise OptionError("`if_exists='skip same recipe'` needs a `recipe`, of the writer or of each frame")
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Reports of the progress. Raises OptionError."""

    progress: bool = setting(
        False, help="Draw a bar on standard error when that is a terminal, or in a notebook.", flag=None
    )
    on_event: Callable[[Event], None] | None = setting(
        None,
        help="A function that gets each seqsave.Event.",
        details="It is called only on a thread that is inside write, flush or close.",
        example="print",
        flag=None,
    )

    def __post_init__(self) -> None:
        check_flag("progress", self.progress)
        if self.on_event is not None and not callable(self.on_event):
            raise OptionError(f"on_event is {self.on_event!r}: it must be a function that takes an Event")
        if inspect.iscoroutinefunction(self.on_event):
            raise OptionError(f"on_event is {self.on_event!r}: it must not be a coroutine function")


def _check_recipe(recipe: Any) -> str | None:
    """Return the recipe, if there is one. Raises OptionError."""
    if recipe is not None and not (isinstance(recipe, str) and 0 < len(recipe) <= LONGEST_RECIPE):
        raise OptionError(
            f"recipe is {recipe!r:.80}: it must be text of 1 to {LONGEST_RECIPE} characters, as a hash is"
        )
    return recipe


@functools.cache
def _usual_policy() -> RetryPolicy:
    from seqsave.runtime.retry import RetryPolicy

    return RetryPolicy()


def _put(group: Any, **values: Any) -> None:
    """Set fields of a frozen group while it is made."""
    for name, value in values.items():
        object.__setattr__(group, name, value)


def _checked_tags(tags: Any) -> dict[str, str]:
    from seqsave.metadata.xmp import check_tags  # here, as parsers of XML come with it

    return check_tags(tags)


def _checked_dpi(dpi: Any) -> float:
    if isinstance(dpi, bool) or not isinstance(dpi, int | float) or not 1 <= dpi <= HIGHEST_DPI:
        raise OptionError(f"dpi is {dpi!r}: it must be a number of pixels per inch, 1 to {HIGHEST_DPI}")
    return float(dpi)


def _value(text: str) -> Any:
    """Return metadata for the manifest: the value of a text that is JSON, strictly, else the text."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value if is_shallow(value) else text  # else the manifest could not be read again


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
