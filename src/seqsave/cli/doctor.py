"""``seqsave doctor``: test whether frames can be saved to a storage, and explain what to do if not."""

from __future__ import annotations

from typing import Any

import click

from seqsave.cli.app import FAILED, Command
from seqsave.cli.completion import urls
from seqsave.cli.output import Messages, print_json, print_line, spelled
from seqsave.cli.parameters import folder_at, json_option, storage_option

__all__ = ["doctor_command"]


@click.command(
    "doctor",
    cls=Command,
    short_help="Test whether frames can be saved to a storage.",
    examples=[
        "seqsave doctor s3://renders/shot010",
        "seqsave doctor renders://shot010 --json",
    ],
)
@click.argument("url", metavar="URL", shell_complete=urls)
@storage_option()
@json_option("what was found")
def doctor_command(url: str, storage_option: dict[str, Any], as_json: bool) -> int:
    """Test whether frames can be saved to URL: rights, conditional writes, content type, clock.

    Writes two small files into .seqsave below URL, and deletes them. Exit status 1 when frames cannot be saved there.
    Also prints where the credentials come from, and the versions of libraries: run it on each machine of a farm.
    """
    from seqsave.targets.doctor import examine

    with Messages().catching():
        found = examine(folder_at(url, storage_option))
    if as_json:
        checks = [
            {"name": c.name, "status": c.status, "message": spelled(c.message), "help": c.help_url or None}
            for c in found.checks
        ]
        facts, versions = dict(found.facts), dict(found.versions)
        print_json({"url": found.url, "ok": found.ok, "facts": facts, "checks": checks, "versions": versions})
    else:
        print_line(found.url)
        for check in found.checks:
            if check.status != "skipped":
                print_line(f"  {check.status:8}{check.name}: {spelled(check.message)}")
            if check.help_url:
                print_line(f"  {'':8}Help: {check.help_url}")
        for name in ("endpoint", "region", "credentials"):
            if name in found.facts:
                print_line(f"  {name}: {found.facts[name]}")
        print_line(f"  versions: {', '.join(f'{name} {version}' for name, version in found.versions.items())}")
    return 0 if found.ok else FAILED
