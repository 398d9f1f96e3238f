"""``seqsave demo``: render a demo animation and save it, without any input or service."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from seqsave.cli.app import Command
from seqsave.cli.completion import urls
from seqsave.cli.options import setting_option
from seqsave.cli.output import Messages
from seqsave.cli.parameters import folder_at, json_option, quiet_option, storage_option
from seqsave.cli.run import Job

if TYPE_CHECKING:
    from seqsave.writer import SequenceWriter

__all__ = ["demo_command"]


@click.command(
    "demo",
    cls=Command,
    examples=[
        "seqsave demo ./demo",
        "seqsave demo s3://renders/demo --filetype jpg",
    ],
)
@click.argument("url", metavar="URL", shell_complete=urls)
@setting_option("filetype", text="The file format. See 'seqsave filetypes'.")
@storage_option()
@quiet_option
@json_option("the result")
def demo_command(url: str, filetype: str, storage_option: dict[str, Any], quiet: bool, as_json: bool) -> int:
    """Render a short animation and save it at URL.

    48 frames of 640 x 360, computed with numpy: one day over a lake, in a loop. Each frame carries a workflow.
    """
    from seqsave import naming
    from seqsave.cli import demo_scene
    from seqsave.plugins import registry

    messages = Messages(quiet)
    with messages.catching():
        resolved = registry.resolve(filetype)
        rule = naming.NameRule("frame", 5, resolved.extension)
        folder_at(url, storage_option)

        def feed(writer: SequenceWriter) -> None:
            for picture in demo_scene.render():
                writer.write(picture)

        job = Job(
            url=url,
            settings={
                "filetype": filetype,
                "storage_options": storage_option,
                "metadata": demo_scene.metadata() if resolved.embed else None,
                "rate": demo_scene.RATE,
            },
            feed=feed,
            messages=messages,
            pattern=rule.pattern,
            expected=demo_scene.FRAMES,
            as_json=as_json,
            facts={"source": "demo", "filetype": filetype},
        )
        status = job.run()
    if status == 0 and not url.startswith("memory:"):
        messages.note(_next_steps(url, rule.file_name(0), resolved.embed))
    return status


def _next_steps(url: str, first: str, embeds: bool) -> str:
    other = "jpg with embedded workflow" if embeds else "png"
    steps = [["view", url], ["ls", url], ["save", url, "./copy", "--filetype", other]]
    if embeds:
        steps.insert(2, ["workflow", f"{url.rstrip('/')}/{first}"])
    return "\n".join(["Next:", *(f"  {shlex.join(['seqsave', *step])}" for step in steps)])
