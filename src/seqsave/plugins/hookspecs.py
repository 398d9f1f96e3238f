"""The pluggy markers and the hook specification: what a plugin may implement, and with which arguments.

The only module that imports pluggy for its markers; ``seqsave.hookimpl`` is this one, reached lazily.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from seqsave.types import EncoderSpec

__all__ = ["PROJECT_NAME", "hookimpl", "hookspec", "seqsave_encoders"]

PROJECT_NAME = "seqsave"  # pluggy's project name, the entry-point group and the prefix of every hook

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def seqsave_encoders() -> list[EncoderSpec]:
    """Return the declarations of the file formats that this plugin adds.

    Called without arguments, at most once per process and only when a filetype that is not built in is asked for,
    or when everything there is gets listed. The module that implements it is named by an entry point in the group
    ``seqsave`` and imports nothing heavy: a declaration names its encoder as text, and that is imported at first
    use.

    The order of plugins never matters. A declaration whose filetype another plugin declares too is an
    ``EncoderConflictError`` when that filetype is asked for. A built-in filetype cannot be declared again here;
    ``seqsave.register_encoder(spec, clobber=True)`` replaces one.

    Returns:
        A list of ``EncoderSpec``; an empty one when there is nothing to add. Anything else, or an exception, makes
        the plugin a broken one: it is listed with its error and breaks no other.

    Example::

        import seqsave

        @seqsave.hookimpl
        def seqsave_encoders() -> list[seqsave.EncoderSpec]:
            return [
                seqsave.EncoderSpec(
                    filetype="ppm",
                    extensions=("ppm",),
                    encoder="seqsave_ppm.codec:PpmEncoder",
                    dtypes=("uint8",),
                    channels=(3,),
                    content_type="image/x-portable-pixmap",
                    options={"comment": seqsave.Option(type=str, default="", help="Written into the header.")},
                )
            ]
    """
    return []
