"""``seqsave filetypes`` and ``seqsave plugins``: list the formats, their origin, and what else plugins add."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import Command, CommandGroup
from seqsave.cli.new_plugin import new_plugin_command
from seqsave.cli.output import Messages, print_json, print_line
from seqsave.cli.parameters import json_option
from seqsave.errors import SeqSaveWarning
from seqsave.wording import spans

if TYPE_CHECKING:
    from seqsave.plugins.manager import Claim, PluginInfo
    from seqsave.plugins.registry import FiletypeInfo
    from seqsave.specs import Option

__all__ = ["filetypes_command", "plugins_command"]


@click.command(
    "filetypes",
    cls=Command,
    examples=[
        "seqsave filetypes",
        "seqsave save clip.mp4 out --filetype jpg --option quality=90",
    ],
)
@json_option("the filetypes")
def filetypes_command(as_json: bool) -> None:
    """List the file types for --filetype, with the options of each."""
    from seqsave.plugins.registry import describe_filetypes

    with Messages().catching():
        known = describe_filetypes()
    if as_json:
        print_json({"filetypes": [_filetype_document(info) for info in known]})
        return
    width = max(len(info.filetype) for info in known)
    for info in known:
        print_line(_filetype_line(info, width))
    for names, options in _grouped(known):
        print_line(f"\nOptions of {' and '.join(names)}:")
        for name, option in options.items():
            print_line(f"  {name:<12}  {_option_text(option)}")


@click.group(
    "plugins",
    cls=CommandGroup,
    invoke_without_command=True,
    examples=["seqsave plugins", "seqsave plugins new seqsave-qoi"],
)
@json_option("the plugins")
@click.pass_context
def plugins_command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins, the broken ones with their error, and what encodes PNG.

    A plugin is installed like any package, as in pip install seqsave-webp.
    """
    if context.invoked_subcommand is None:
        _list_plugins(as_json)


plugins_command.add_command(new_plugin_command)


def _list_plugins(as_json: bool) -> None:
    from seqsave.encoders.png.native import native
    from seqsave.plugins.registry import plugin_manager, plugin_report

    found = native()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeqSaveWarning)  # a broken plugin is listed below
        commands = plugin_manager().commands(click.Group)
        report = plugin_report()
        unused = {info: _unused(info, commands) for info in report}
    if as_json:
        png = {"native": found.kernel is not None, "encoder": found.state}
        print_json({"plugins": [_plugin_document(info, unused[info]) for info in report], "png": png})
        return
    for info in report:
        print_line(f"{info.distribution} {info.version}  {_brings(info, unused[info])}")
    if not report and not found.is_installed:
        Messages().note("no plugins are installed: png and jpg are built in")
    print_line(f"png is encoded by {found.state}")


def _unused(info: PluginInfo, commands: Mapping[str, Sequence[Claim]]) -> dict[str, str]:
    """Return the names that the plugin adds without effect (protocols with ``://``), each with the reason."""
    from seqsave.plugins.registry import describe_filetypes, plugin_manager
    from seqsave.targets.registry import BUILTIN

    reasons = {}
    for row in describe_filetypes():
        if row.filetype in info.filetypes and (row.conflict or row.origin != info.distribution):
            reasons[row.filetype] = _both(row.conflict) if row.conflict else f"the {row.origin} one is"
    targets, observers = plugin_manager().collect("targets"), plugin_manager().collect("observers")
    registered = plugin_manager().registered
    claimed = (
        (info.protocols, targets, BUILTIN, registered("targets"), "{}://"),
        (info.observers, observers, (), registered("observers"), "{}"),
        (info.commands, commands, click.get_current_context().find_root().command.commands, (), "{}"),  # type: ignore[attr-defined]
    )
    for names, claims, builtin, added, shown in claimed:
        for name in names:
            if name in added or name in builtin:
                reasons[shown.format(name)] = f"the {'registered' if name in added else 'built-in'} one is"
            elif len(claims[name]) > 1:
                reasons[shown.format(name)] = _both([claim.info.distribution for claim in claims[name]])
    return reasons


def _both(claimants: Sequence[str]) -> str:
    return f"claimed by {' and '.join(claimants)}: uninstall one"


def _brings(info: PluginInfo, unused: Mapping[str, str]) -> str:
    kinds = {
        "": info.filetypes,
        "storage ": [f"{protocol}://" for protocol in info.protocols],
        "observer ": info.observers,
        "command ": info.commands,
    }
    parts = [
        kind + ", ".join(f"{name} (not used: {unused[name]})" if name in unused else name for name in names)
        for kind, names in kinds.items()
        if names
    ]
    parts += [f"broken: {info.error}"] if info.error else []
    return "; ".join(parts) or "nothing"


def _grouped(known: Sequence[FiletypeInfo]) -> list[tuple[list[str], Mapping[str, Option]]]:
    """Return the file types, grouped by equal options."""
    groups: list[tuple[list[str], Mapping[str, Option]]] = []
    for info in known:
        name, options = info.spec.filetype, info.spec.options
        same = next((names for names, others in groups if others == options), None)
        if same is None and options:
            groups.append(([name], options))
        elif same is not None and name not in same:
            same.append(name)
    return groups


def _filetype_line(info: FiletypeInfo, width: int) -> str:
    spec = info.spec
    parts = [
        f"{info.filetype:<{width}}  .{spec.extensions[0]:<5}",
        "lossless" if spec.lossless else "lossy   ",
        f"{' '.join(spec.dtypes)}; {'/'.join(spans(spec.channels))} channels; {info.origin}",
    ]
    if info.conflict:
        parts.append(f"(claimed by {' and '.join(info.conflict)}: uninstall one)")
    return "  ".join(parts)


def _option_text(option: Option) -> str:
    if option.choices is not None:
        allowed = " | ".join(map(str, option.choices))
    elif option.min is not None and option.max is not None:
        allowed = f"{option.min:g} to {option.max:g}"
    else:
        allowed = {bool: "true | false", int: "whole number", float: "number", str: "text"}[option.type]
    default = "" if option.default is None else f", default {str(option.default).lower()}"
    return f"{allowed}{default}" + (f": {option.help}" if option.help else "")


def _filetype_document(info: FiletypeInfo) -> dict[str, Any]:
    spec = info.spec
    return {
        "filetype": info.filetype,
        "origin": info.origin,
        "conflict": list(info.conflict),
        "extensions": list(spec.extensions),
        "embeds_metadata": info.embeds_metadata,
        "lossless": spec.lossless,
        "dtypes": list(spec.dtypes),
        "channels": list(spec.channels),
        "content_type": spec.content_type,
        "install_hint": spec.install_hint,
        "options": {name: _option_document(option) for name, option in spec.options.items()},
    }


def _option_document(option: Option) -> dict[str, Any]:
    return {
        "type": option.type.__name__,
        "default": option.default,
        "choices": None if option.choices is None else list(option.choices),
        "min": option.min,
        "max": option.max,
        "help": option.help,
    }


def _plugin_document(info: PluginInfo, unused: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "filetypes": list(info.filetypes),
        "protocols": list(info.protocols),
        "observers": list(info.observers),
        "commands": list(info.commands),
        "unused": dict(unused),
        "error": info.error,
    }
