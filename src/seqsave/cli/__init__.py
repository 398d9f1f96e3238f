"""The ``seqsave`` command."""

from __future__ import annotations

import gc

import click

from seqsave.cli.app import WRONG_CALL, Application, LazyCommands, version
from seqsave.cli.output import give_up_unwritten

__all__ = ["cli", "main"]


@click.group(
    cls=Application,
    commands=LazyCommands(
        {
            "save": "save:save_command",
            "ls": "ls:ls_command",
            "info": "info:info_command",
            "view": "view:view_command",
            "verify": "verify:verify_command",
            "mv": "mv:mv_command",
            "rm": "rm:rm_command",
            "manifest": "manifest:manifest_command",
            "commit": "commit:commit_command",
            "flush": "spool:flush_command",
            "spool": "spool:spool_command",
            "doctor": "doctor:doctor_command",
            "preview": "preview:preview_command",
            "sheet": "sheet:sheet_command",
            "page": "page:page_command",
            "proxies": "proxies:proxies_command",
            "workflow": "ls:workflow_command",
            "filetypes": "filetypes:filetypes_command",
            "plugins": "filetypes:plugins_command",
            "demo": "demo:demo_command",
        }
    ),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=[
        "seqsave demo ./renders/demo",
        "seqsave save clip.mp4 s3://renders/shot010",
        "seqsave ls s3://renders/shot010",
        "seqsave verify s3://renders/shot010 --deep",
        "seqsave workflow s3://renders/shot010/frame_00018.png",
    ],
)
@click.version_option(version(), prog_name="seqsave", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> int:
    """Save image sequences to a folder, a bucket or memory: complete, in order, with their workflow inside.

    Exit status: 0 done, 1 something was not saved or not found, 2 wrong usage, 130 interrupted, 143 terminated.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return WRONG_CALL
    return 0


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    try:
        cli(prog_name="seqsave")
    finally:
        give_up_unwritten()
        # Everything is saved and closed. To search all modules for unused cycles at its end would take Python a fifth
        # of the time of a short command.
        gc.freeze()
