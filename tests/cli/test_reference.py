from __future__ import annotations

import click

from seqsave.cli import cli
from tests.cli.reference import PAGE, reference


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "write it again: python -m tests.cli.reference"


def test_the_page_holds_every_option_and_example() -> None:
    text = reference()
    for name, command in cli.commands.items():
        assert f"## `seqsave {name}" in text
        for example in command.examples:  # type: ignore[attr-defined]
            assert example in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f"`--{parameter.opts[0].lstrip('-')}`" in text
