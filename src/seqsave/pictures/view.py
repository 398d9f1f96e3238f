"""Show pictures as a view of an OpenColorIO config does. Needs the extra ``ocio`` (``pip install 'seqsave[ocio]'``)."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqsave.errors import EncoderUnavailableError, OptionError
from seqsave.pictures.color import COLOR_SPACES
from seqsave.wording import did_you_mean

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqsave.types import ColorSpace

    Floats = npt.NDArray[np.float32]

__all__ = ["View"]

# What shows pictures if neither the caller nor the environment names a config, and converts to the space that configs
# share. Every supported OpenColorIO contains it, so that results do not change with its version.
_BUILT_IN = "ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3"
_LINEAR = "Linear Rec.709 (sRGB)"
_ROLE = "aces_interchange"
# Linear light of BT.709 in configs without that role, such as those of version 1.
_NAMES = ("lin_rec709_srgb", "lin_rec709", "lin_srgb", _LINEAR, "Utility - Linear - sRGB", "Linear Rec.709", "Linear")
# The spaces of displays in the configs of ACES, by their aliases and the first word of their names.
_DISPLAYS = {
    "srgb": "srgb",
    "srgb_display": "srgb",
    "displayp3_display": "display-p3",
    "display p3": "display-p3",
    "rec1886_rec709_display": "rec709",
    "rec.1886 rec.709": "rec709",
    "rec2100_pq_display": "rec2100-pq",
    "rec.2100-pq": "rec2100-pq",
}


class View:
    """The picture that a view of a display shows. Thread-safe.

    config:  the path of a config, or ``ocio://`` and the name of one that OpenColorIO contains; None for that of the
             environment variable OCIO, or else the config of ACES 1.3.
    display: its name, or the beginning of it; None for the config's default.
    view:    its name; None for the display's default.

    Raises OptionError, which lists the config's displays or views, for one that it lacks; EncoderUnavailableError
    without OpenColorIO.
    """

    def __init__(self, config: str | None = None, display: str | None = None, view: str | None = None) -> None:
        for name, value in (("ocio", config), ("display", display), ("view", view)):
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise OptionError(f"{name} is {value!r}: it must be text")
        ocio = _library()
        self._where = config or os.environ.get("OCIO") or _BUILT_IN
        used = _opened(ocio, self._where)
        self.display = self._one_of("display", display, list(used.getDisplays()), used.getDefaultDisplay())
        views = list(used.getViews(self.display))
        self.view = self._one_of("view", view, views, used.getDefaultView(self.display))
        self.space = _space_of(used, self.display, self.view)
        """The colour space of the result; None if it has no name here."""
        self.is_raw = _is_raw(used, self.display, self.view)
        """Whether the view shows the values of a file as they are, such as the usual one named Raw."""
        self.key = (self._where, self.display, self.view)
        self._processors = self._prepared(ocio, used)

    def apply(self, linear: Floats) -> Floats:
        """Return the display's values, H,W,3. linear: light of BT.709's primaries, H,W,3."""
        colors = np.array(linear, np.float32, order="C")
        for processor in self._processors:
            processor.applyRGB(colors)
        return colors

    def _one_of(self, what: str, name: str | None, known: Sequence[str], default: str) -> str:
        if name is None:
            if default:
                return default
            raise OptionError(f"the OpenColorIO config {self._where} has no {what}")
        exact = [one for one in known if one.casefold() == name.casefold()]
        found = exact or [one for one in known if one.casefold().startswith(name.casefold())]
        if len(found) == 1:
            return found[0]
        where = f" of the display {self.display!r}" if what == "view" else ""
        problem = f"may be {', '.join(found)}" if found else f"is unknown{did_you_mean(name, known)}"
        raise OptionError(
            f"{what} is {name!r}, which {problem}: the {what}s{where} in the OpenColorIO config {self._where} are "
            f"{', '.join(known)}"
        )

    def _prepared(self, ocio: Any, used: Any) -> list[Any]:
        names = [name for name in _NAMES if used.getColorSpace(name) is not None]
        steps = []
        if used.hasRole(_ROLE):
            shared = ocio.Config.CreateFromBuiltinConfig(_BUILT_IN)
            steps.append(shared.getProcessor(_LINEAR, shared.getColorSpace(_ROLE).getName()))
            source = _ROLE
        elif names:
            source = names[0]
        else:
            raise OptionError(
                f"the OpenColorIO config {self._where} has neither the role {_ROLE} nor a space of a usual name for "
                f"linear light ({', '.join(_NAMES[:3])}): add that role to it"
            )
        transform = ocio.DisplayViewTransform(src=source, display=self.display, view=self.view)
        try:
            steps.append(used.getProcessor(transform))
            return [step.getOptimizedCPUProcessor(ocio.OPTIMIZATION_DEFAULT) for step in steps]
        except (ocio.Exception, ocio.ExceptionMissingFile) as error:
            text = " ".join(str(error).split())
            raise OptionError(f"view {self.view!r} of the OpenColorIO config {self._where} fails: {text}") from error


def _library() -> Any:
    try:
        import PyOpenColorIO as ocio  # noqa: N813 - the usual name
    except ImportError as error:
        raise EncoderUnavailableError("displays and views need OpenColorIO: pip install 'seqsave[ocio]'") from error
    return ocio


@functools.lru_cache(maxsize=8)
def _opened(ocio: Any, where: str) -> Any:
    """Return a config. Raises OptionError if there is none, or it is damaged."""
    try:
        config = ocio.Config.CreateFromFile(where)
        config.validate()
    except Exception as error:  # its binding raises RuntimeError and TypeError for some names, such as very long ones
        text = " ".join(str(error).split())
        raise OptionError(f"the OpenColorIO config {where:.200} cannot be used: {text:.500}") from error
    return config


def _shown_in(config: Any, display: str, view: str) -> Any:
    """Return the config's own colour space of the result; None if it has none."""
    name = config.getDisplayViewColorSpaceName(display, view)
    return config.getColorSpace(display if name == "<USE_DISPLAY_NAME>" else name)


def _is_raw(config: Any, display: str, view: str) -> bool:
    space = _shown_in(config, display, view)
    return bool(space is not None and space.isData() and not config.getDisplayViewLooks(display, view))


def _space_of(config: Any, display: str, view: str) -> ColorSpace | None:
    space = _shown_in(config, display, view)
    if space is None or space.isData():
        return None
    names = [space.getName(), *space.getAliases()]
    spelled = (one.casefold().removesuffix(" - display").removesuffix(" display") for one in names)
    return next((COLOR_SPACES[_DISPLAYS[one]] for one in spelled if one in _DISPLAYS), None)
