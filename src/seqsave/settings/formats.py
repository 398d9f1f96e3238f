"""The settings for file types and pixels, resolved for each file type."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from seqsave.errors import OptionError
from seqsave.naming import SEPARATOR, NamePattern, NameRule
from seqsave.pictures.color import COLOR_SPACES
from seqsave.plugins import registry
from seqsave.plugins.options import check_choice, check_options
from seqsave.settings.table import setting
from seqsave.specs import EncoderSpec
from seqsave.types import EMBED_SUFFIX
from seqsave.wording import did_you_mean, shortened

if TYPE_CHECKING:
    from seqsave.pictures.fitting import Wanted
    from seqsave.pictures.pixels import Pixels
    from seqsave.pictures.view import View
    from seqsave.specs import OptionValue
    from seqsave.types import Encoder

__all__ = ["DROPPABLE", "Format", "PixelFormat", "format_of_copies", "wanted_channels"]


# Fields of ImageInfo that can be dropped. "color" stands for all of them that state a colour space.
PAGES = ("first", "all")
DROPPABLE = ("color", "dpi", "pixel_aspect", "rate", "light", "tags", "exif", "xmp", "iptc", "texts", "attributes")


@dataclass(frozen=True, slots=True)
class Format:
    """One file type of a writer: its encoder, options, pixel conversion, and file names."""

    resolved: registry.Resolved
    options: Mapping[str, OptionValue | None]
    pixels: Pixels
    rule: NameRule

    @property
    def alpha(self) -> Literal["straight", "associated"]:
        """Return what alpha is in the file where the picture's source states nothing.

        EXR files hold colours that are multiplied by alpha, and nothing in them says otherwise.
        """
        is_associated = self.resolved.extension == "exr" and self.options.get("alpha") != "straight"
        return "associated" if is_associated else "straight"

    def named(self, prefix: str, digits: int, separator: str = SEPARATOR, pattern: NamePattern | None = None) -> Format:
        """Return a copy with other file names. Raises FrameNameError.

        pattern: states the tail, and the spelling of the extension where it is one of this file type.
        """
        extension, tail = self.resolved.extension, "" if pattern is None else pattern.tail
        if pattern is not None and pattern.extension.lower() in self.resolved.spec.extensions:
            extension = pattern.extension
        rule = _names(prefix, digits, extension, separator, tail)
        return self if rule == self.rule else replace(self, rule=rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """File types, and the conversion of pixels for them. formats: the resolved settings of each file type.

    Raises OptionError, EncoderNotFoundError, EncoderConflictError, EncoderUnavailableError.
    """

    filetype: str | Sequence[str] = setting(
        registry.DEFAULT_FILETYPE,
        help="The file format, or several: each frame is saved in each of them.",
        details="One of seqsave.filetypes(). Only '... with embedded workflow' writes metadata into the files.",
        page="plugins.md",
        widget="shown",
    )
    options: Mapping[str, Any] | None = setting(
        None,
        help="Options of the file format.",
        details="See seqsave.describe_filetypes(). With several formats an option goes to those that have it, or to "
        "one of them by its name: 'jpg.quality'.",
        example='{"quality": 92}',
        page="pictures.md",
        flag="--option",
        metavar="NAME=VALUE",
        widget="advanced",
    )
    dtype: str | None = setting(
        None,
        offered=("uint8", "uint16", "float16", "float32"),
        help="Data type of the values in the file; one that the format supports: uint16 makes 16-bit PNGs, float16 "
        "half floats.",
        details="By default the one that is nearest to the picture's.",
        example='"uint16"',
        page="pictures.md",
        metavar="TEXT",
        widget="advanced",
    )
    color: str | None = setting(
        None,
        offered=tuple(COLOR_SPACES),
        help="The colour space of the values that you pass, such as srgb or acescg; the files state it.",
        details="One of seqsave.COLOR_SPACES. Nothing is guessed: without it the files state none. Values stay as they "
        "are, except that linear floats become sRGB in files of 8 bits, which state sRGB; convert_to chooses another.",
        example='"acescg"',
        page="pictures.md",
        metavar="SPACE",
        widget="advanced",
    )
    convert_to: str | None = setting(
        None,
        offered=tuple(COLOR_SPACES),
        help="The colour space to convert to before saving; needs color, and pip install 'seqsave[color]'.",
        example='"srgb"',
        page="pictures.md",
        metavar="SPACE",
        widget="advanced",
    )
    ocio: str | None = setting(
        None,
        help="The OpenColorIO config whose display and view show the values in files of whole numbers; floats stay.",
        details="A path, or ocio:// and the name of a config that OpenColorIO contains. With display or view alone it "
        "is the config of the environment variable OCIO, or else the one of ACES 1.3. It needs color, or a source that "
        "states its colour space, and pip install 'seqsave[ocio]'.",
        example='"studio/config.ocio"',
        page="pictures.md",
        metavar="CONFIG",
    )
    display: str | None = setting(
        None,
        help="The display of the OpenColorIO config, or the beginning of its name; by default the config's.",
        example='"sRGB"',
        page="pictures.md",
        metavar="NAME",
    )
    view: str | None = setting(
        None,
        help="The view of that display, or the beginning of its name; by default the display's.",
        example='"ACES 1.0 - SDR Video"',
        page="pictures.md",
        metavar="NAME",
    )
    channels: str | None = setting(
        None,
        help="The channels of the source to save, by name and in this order, such as R,G,B or depth.Z.",
        details="By default all that the format holds: of an EXR file's channels, a PNG gets the colours.",
        example='"R,G,B,A"',
        page="pictures.md",
        metavar="NAMES",
    )
    layer: str | None = setting(
        None,
        help="The layer of the source to save: beauty for the channels beauty.R, beauty.G, beauty.B and beauty.A.",
        example='"beauty"',
        page="pictures.md",
        metavar="NAME",
    )
    pages: str | None = setting(
        None,
        choices=PAGES,
        help="Which pictures of a source's TIFF files of several pictures are saved: the first, or all, as frames.",
        details="Without it such a file is copied whole, or refused where it had to be decoded.",
        example='"all"',
        page="pictures.md",
    )
    drop: Sequence[str] | None = setting(
        None,
        help=f"Statements of the source that are not kept: {', '.join(DROPPABLE)}.",
        details="Without it, everything that a source states and the format holds is kept.",
        example='["color", "tags"]',
        page="pictures.md",
        metavar="FIELD",
    )
    _made: list[tuple[Format, ...]] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        if not self.is_usual:
            self._made.append(_formats(self))

    @property
    def is_usual(self) -> bool:
        """Return True for the defaults, which need no check."""
        colors = (self.color, self.convert_to, self.ocio, self.display, self.view)
        values = (*colors, self.options, self.dtype, self.channels, self.layer, self.drop, self.pages)
        given = [one for one in values if one is not None]
        return self.filetype == registry.DEFAULT_FILETYPE and all(_is_empty(one) for one in given)

    @property
    def formats(self) -> tuple[Format, ...]:
        """Return the settings resolved for each file type; those of the defaults are made when they are asked for."""
        if not self._made:
            self._made.append(_formats(self))
        return self._made[0]


def _is_empty(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple)) and not value


def _formats(wanted: PixelFormat) -> tuple[Format, ...]:
    """Return the settings resolved for each file type.

    With several, an option goes to those that declare it, or is given for one of them: ``{"exr": {"compression":
    "zip"}}`` or ``{"exr.compression": "zip"}``; a dtype goes to those that take it.
    """
    from seqsave.pictures.pixels import Pixels  # here, as numpy comes with it

    if wanted.pages is not None:
        check_choice("pages", wanted.pages, PAGES)
    found = [registry.resolve(one) for one in _filetypes(wanted.filetype)]
    extensions = [one.extension for one in found]
    for extension in extensions:
        if extensions.count(extension) > 1:
            raise OptionError(f"filetype names two that write .{extension}: each file can be written once")
    drop = _checked_drop(wanted.drop)
    chosen = wanted_channels(wanted.channels, wanted.layer)
    takers = [one for one in found if wanted.dtype in one.spec.dtypes] or found
    view = _view(wanted)
    made = tuple(
        Format(
            one,
            check_options(one.spec, own),
            Pixels(
                one.spec,
                dtype=wanted.dtype if one in takers else None,
                color=wanted.color,
                convert_to=wanted.convert_to,
                view=view,
                wanted=chosen,
                drop=drop,
                named=bool(isinstance(own, Mapping) and own.get("channel_names")),
            ),
            _names("frame", 5, one.extension, SEPARATOR, ""),
        )
        for one, own in zip(found, _shared(found, wanted.options), strict=True)
    )
    keeping = [form for form in made if form.pixels.dtype.startswith("float")]
    for form in made:
        form.pixels.beside = next((one.resolved.extension for one in keeping if one is not form), "")
    if view is not None and len(keeping) == len(made):
        kinds = " and ".join(form.resolved.spec.filetype for form in made)
        raise OptionError(
            f"a view shows values in files of whole numbers, but {kinds} keeps floats: give dtype as well"
        )
    return made


def _view(wanted: PixelFormat) -> View | None:
    if wanted.ocio is None and wanted.display is None and wanted.view is None:
        return None
    if wanted.convert_to is not None:
        raise OptionError("convert_to and a view contradict each other: give convert_to, or ocio, display and view")
    from seqsave.pictures.view import View

    return View(wanted.ocio, wanted.display, wanted.view)


def wanted_channels(channels: Any, layer: Any) -> Wanted:
    """Return the choice of the settings ``channels`` and ``layer``. Raises OptionError."""
    from seqsave.pictures.fitting import Wanted  # here, as numpy comes with it

    names = () if channels is None else _checked_channels(channels)
    if names and layer is not None:
        raise OptionError("channels and layer are both given: the names of channels include the layer, as 'beauty.R'")
    if layer is not None and (not isinstance(layer, str) or not layer.strip()):
        raise OptionError(f"layer is {layer!r}: it must be the name of a layer, as 'beauty'")
    return Wanted(channels=names, layer=layer)


def _checked_channels(channels: Any) -> tuple[str, ...]:
    if not isinstance(channels, str) or not all(one.strip() for one in channels.split(",")):
        raise OptionError(f"channels is {channels!r}: it must be names of channels, separated by commas, as 'R,G,B'")
    names = tuple(one.strip() for one in channels.split(","))
    if len(set(names)) < len(names):
        raise OptionError(f"channels is {channels!r}: it names a channel twice")
    return names


def _checked_drop(drop: Any) -> tuple[str, ...]:
    given = () if drop is None else drop
    if not isinstance(given, list | tuple | set | frozenset):
        raise OptionError(f"drop is {drop!r}: it must be a list with some of {', '.join(DROPPABLE)}")
    if not all(isinstance(names, str) for names in given):
        raise OptionError(f"drop is {shortened(drop)}: it must be a list with some of {', '.join(DROPPABLE)}")
    names = [name.strip() for names in given for name in names.split(",")]
    for name in names:
        if name not in DROPPABLE:
            raise OptionError(f"drop names {name!r}{did_you_mean(name, DROPPABLE)}: it must be {', '.join(DROPPABLE)}")
    return tuple(names)


def format_of_copies(pattern: NamePattern, filetype: str) -> Format:
    """Return the format of files that are copied unchanged, whether or not a decoder for them is installed."""
    extension = pattern.extension.lower()
    known = registry.spec_for_extension(extension)
    spec = EncoderSpec(
        filetype=filetype.removesuffix(EMBED_SUFFIX),
        extensions=(extension,),
        encoder="",
        dtypes=("uint8",),
        metadata="embed" if filetype.endswith(EMBED_SUFFIX) else "none",
        content_type=_content_type_of(extension) if known is None else known.content_type,
    )
    # Its encoder and its pixel conversion are never used.
    resolved = registry.Resolved(filetype, spec, filetype.endswith(EMBED_SUFFIX), cast("Encoder", None))
    return Format(resolved, {}, cast("Pixels", None), _names("frame", 5, extension, SEPARATOR, ""))


def _content_type_of(extension: str) -> str:
    import mimetypes  # here, as it reads the system's tables

    return mimetypes.guess_type(f"a.{extension}")[0] or "application/octet-stream"


@functools.lru_cache(maxsize=64)
def _names(prefix: str, digits: int, extension: str, separator: str, tail: str) -> NameRule:
    return NameRule(prefix, digits, extension, separator, tail)


def _filetypes(filetype: str | Sequence[str]) -> list[str]:
    if not isinstance(filetype, list | tuple):
        return [filetype]  # type: ignore[list-item]  # whatever else it is, plugins.resolve says what it should be
    if not filetype:
        raise OptionError("filetype is an empty list: it must be one of seqsave.filetypes(), or a list of them")
    return list(filetype)


def _shared(found: Sequence[registry.Resolved], options: Mapping[str, Any] | None) -> list[Mapping[str, Any] | None]:
    """Return the options of each file type."""
    if not isinstance(options, Mapping):
        return [options] * len(found)
    shared: list[dict[str, Any]] = [{} for _ in found]
    for name, value in options.items():
        takers, given = _takers(found, name, value)
        if not takers and len(found) > 1:
            known = sorted({option for one in found for option in one.spec.options})
            these = ", ".join(one.filetype for one in found)
            raise OptionError(
                f"none of {these} has an option {name!r}: they take {', '.join(known)}", topic="unknown-option"
            )
        for number in takers:
            shared[number].update(given)
        if not takers:
            _refuse_option(found[0].spec, name, value)
    return list(shared)


def _refuse_option(spec: EncoderSpec, name: Any, value: Any) -> None:
    """Raise OptionError for an option that the only file type does not take, with the built-in ones that take it."""
    try:
        check_options(spec, {name: value})
    except OptionError as error:
        others = [one for one in ("jpg", "png") if name in registry.spec_of(one).options]
        hint = f". It is an option of {' and '.join(others)}" if others else ""
        raise OptionError(f"{error}{hint}", topic=error.topic) from None


def _takers(found: Sequence[registry.Resolved], name: Any, value: Any) -> tuple[list[int], Mapping[str, Any]]:
    """Return the positions of the file types that take an option, and the option.

    ``exr.compression`` and ``{"exr": {...}}`` are options of exr.
    """
    filetype, dot, option = str(name).partition(".")
    given = value if isinstance(value, Mapping) else {option: value} if dot else {name: value}
    if dot or isinstance(value, Mapping):
        return [number for number, one in enumerate(found) if filetype in (one.filetype, one.spec.filetype)], given
    return [number for number, one in enumerate(found) if name in one.spec.options], given
