"""The pluggy markers and the hook specifications: what a plugin may implement, and with which arguments.

Only this module imports pluggy's markers; ``seqsave.hookimpl`` is the one below, loaded lazily. The module that
implements hooks is named by an entry point in the group ``seqsave`` and imports nothing heavy: records name code as
text, ``"package.module:attribute"``, which is imported at first use.

These rules hold for every hook. The order of plugins never matters. Names that a call registered take precedence, then
the built-ins, then plugins. Two plugins that claim one name are an error that names both, and only when that name is
requested. A plugin that raises an exception or returns a wrong result is broken: it is left out, reported once, listed
with its error by ``seqsave plugins``, and does not affect other plugins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from seqsave.specs import EncoderSpec, ObserverSpec, TargetSpec

__all__ = [
    "PROJECT_NAME",
    "hookimpl",
    "hookspec",
    "seqsave_commands",
    "seqsave_encoders",
    "seqsave_observers",
    "seqsave_targets",
]

PROJECT_NAME = "seqsave"  # pluggy's project name, the entry-point group and the prefix of every hook

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def seqsave_encoders() -> list[EncoderSpec]:
    """Return the declarations of the file formats that this plugin adds.

    Called without arguments, at most once per process, when an entry point is needed for the first time: for a file
    type that is not built in, a storage other than a local folder and memory, a writer's observers, or a list of
    plugins.

    A built-in file type cannot be declared again here; ``seqsave.register_encoder(spec, clobber=True)`` replaces one.
    Two plugins that declare one file type are an ``EncoderConflictError`` when that file type is requested.

    Returns:
        A list of ``EncoderSpec``; an empty one if the plugin adds none.

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


@hookspec
def seqsave_targets() -> list[TargetSpec]:
    """Return the declarations of the storages that this plugin adds, or describes.

    Called like ``seqsave_encoders``. A declaration either names a class (``target``), or states how to use the
    filesystem that fsspec has for these protocols (``traits``).

    Local folders (``file``) and ``memory`` are built in and cannot be declared here. For every other protocol a
    declaration takes precedence over seqsave's own handling. Two plugins that declare one protocol are a
    ``TargetError`` when a URL with that protocol is opened. ``seqsave.register_target`` does the same without a
    plugin, and takes precedence over plugins.

    Returns:
        A list of ``TargetSpec``; an empty one if the plugin adds none.

    Example::

        import seqsave

        @seqsave.hookimpl
        def seqsave_targets() -> list[seqsave.TargetSpec]:
            return [
                seqsave.TargetSpec(
                    protocols=("shelf",),
                    traits=seqsave.Traits(publish="put", create=True, threads="shared"),
                    install_hint="pip install shelf-fs",
                )
            ]
    """
    return []


@hookspec
def seqsave_observers() -> list[ObserverSpec]:
    """Return the declarations of this plugin's observers, which get every event of every writer: a log, a database.

    Called like ``seqsave_encoders``. The code that a declaration names is imported at a writer's first event. A
    function is called with each ``Event``; of a class one instance is made for each writer, and called with its events.
    A coroutine function cannot be an observer. Calls come from the thread that is inside ``write``, ``flush`` or
    ``close``. An error in an observer becomes a ``SeqSaveWarning``, once for each writer, and does not affect the
    frames.

    If two plugins declare one name, a warning names both, and neither is called. ``seqsave.register_observer`` does
    the same without a plugin, and takes precedence over plugins.

    Returns:
        A list of ``ObserverSpec``; an empty one if the plugin adds none.

    Example::

        import seqsave

        @seqsave.hookimpl
        def seqsave_observers() -> list[seqsave.ObserverSpec]:
            return [seqsave.ObserverSpec(name="farm-database", observer="seqsave_farm.database:note")]
    """
    return []


@hookspec
def seqsave_commands(cli: Any) -> None:
    """Add subcommands to the command ``seqsave``.

    Called at most once per process: for a command that is not built in, or by ``seqsave plugins``. ``seqsave --help``
    loads no plugin.

    A built-in command cannot be replaced. Two plugins that add one name are an error when that command is called.

    Args:
        cli: a ``click.Group`` of this plugin's own. What is added to it becomes a subcommand of ``seqsave``.

    Example::

        import click
        import seqsave

        @seqsave.hookimpl
        def seqsave_commands(cli: click.Group) -> None:
            @cli.command("farm-status")
            def farm_status() -> None:
                "Print what the farm is saving."
                click.echo("nothing")
    """
