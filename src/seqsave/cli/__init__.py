"""The ``seqsave`` command."""

from __future__ import annotations

import click

from seqsave.cli.app import WRONG_CALL, Application, version
from seqsave.cli.commit import commit_command
from seqsave.cli.demo import demo_command
from seqsave.cli.doctor import doctor_command
from seqsave.cli.filetypes import filetypes_command, plugins_command
from seqsave.cli.info import info_command
from seqsave.cli.ls import ls_command, workflow_command
from seqsave.cli.manifest import manifest_command
from seqsave.cli.mv import mv_command
from seqsave.cli.preview import preview_command
from seqsave.cli.rm import rm_command
from seqsave.cli.save import save_command
from seqsave.cli.spool import flush_command, spool_command
from seqsave.cli.verify import verify_command

__all__ = ["cli", "main"]


@click.group(
    cls=Application,
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


for _command in (
    save_command,
    ls_command,
    info_command,
    verify_command,
    mv_command,
    rm_command,
    manifest_command,
    commit_command,
    flush_command,
    spool_command,
    doctor_command,
    preview_command,
    workflow_command,
    filetypes_command,
    plugins_command,
    demo_command,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    cli(prog_name="seqsave")
