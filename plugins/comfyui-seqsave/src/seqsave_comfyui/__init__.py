"""The node pack's subcommands of ``seqsave``, apart from the pack because importing that one loads its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqsave

if TYPE_CHECKING:
    import click

__all__ = ["seqsave_commands"]


@seqsave.hookimpl
def seqsave_commands(cli: click.Group) -> None:
    """Add ``seqsave comfyui``, with the commands of the program ``comfyui-seqsave``."""
    import click

    class Commands(click.Group):
        """The commands of ``comfyui-seqsave``, imported when one is called."""

        def list_commands(self, ctx: click.Context) -> list[str]:
            return _program().list_commands(ctx)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return _program().get_command(ctx, cmd_name)

    cli.add_command(Commands("comfyui", help="Install the nodes in a ComfyUI folder."))


def _program() -> click.Group:
    from comfyui_seqsave.link import main

    return main
