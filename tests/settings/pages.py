"""README's table of settings and docs/settings.md, made from the declarations: ``python -m tests.settings.pages``."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

from seqsave.settings.config import GROUPS, SETTINGS
from seqsave.settings.table import Setting

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "settings.md"
START, END = "<!-- made by python -m tests.settings.pages -->\n", "<!-- end -->\n"

HEAD = """\
# Settings

What `seqsave.open_writer`, `seqsave.save` and `seqsave.SequenceWriter` take as keyword arguments.
`seqsave.check_settings` checks them without opening a writer and returns a frozen `WriterConfig`, which the others take
as `config`: several writers can share it, each with other settings beside it.

```python
import numpy as np
import seqsave

config = seqsave.check_settings(prefix="shot", filetype="jpg", options={"quality": 92})
print(config.naming.prefix, config.formats[0].rule.pattern)     # shot shot_#####.jpg
for number in (10, 20):
    seqsave.save(np.zeros((4, 9, 16, 3)), f"renders/shot{number:03}", config, start=number)
```

A misspelt name is an error that names the near one. The command has the same settings as options, see
[its reference](cli.md). (This page is written by `python -m tests.settings.pages`.)
"""


def readme(text: str) -> str:
    """README with its table made again."""
    before, _, rest = text.partition(START)
    _, end, after = rest.partition(END)
    assert end, f"README.md lacks {START!r} or {END!r}"
    return f"{before}{START}{_table()}{END}{after}"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(line for group in GROUPS for line in _group(group))


def _table() -> str:
    rows = [f"| {_linked(one, 'docs/')} | {_values(one)} | {one.help} |\n" for one in SETTINGS.values()]
    return "".join(["| setting | values | meaning |\n", "|---|---|---|\n", *rows])


def _group(group: str) -> Iterator[str]:
    title = (inspect.getdoc(GROUPS[group]) or "").partition(". ")[0].rstrip(".")
    yield f"\n## `config.{group}`: {title[0].lower()}{title[1:]}\n"
    for one in SETTINGS.values():
        if one.group == group:
            limits = "".join(
                f", {word} {limit:g}" for word, limit in (("from", one.min), ("to", one.max)) if limit is not None
            )
            option = f" The command's option is `{one.option}`." if one.option else ""
            yield f"\n### {_linked(one)}\n\n`{one.type} = {one.default!r}`{limits}\n\n"
            text = f"{one.help}{' ' if one.details else ''}{one.details}{option}"
            yield f"{textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)}\n"
            if one.choices or one.example:
                yield f"\n{'Choices' if one.choices else 'For example'}: {_values(one)}\n"


def _linked(one: Setting, folder: str = "") -> str:
    return f"[`{one.name}`]({folder}{one.page})" if one.page else f"`{one.name}`"


def _values(one: Setting) -> str:
    if one.choices:
        return ", ".join(f'`"{choice}"`' for choice in one.choices)
    value = one.example or repr(one.default).replace("'", '"')
    return f"`{value}`"


if __name__ == "__main__":
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
