"""Hooks have the arguments that their specifications name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seqsave.errors import SeqSaveWarning
from seqsave.plugins.manager import PluginManager
from tests.plugins.made import BOTH

if TYPE_CHECKING:
    from tests.support.site import Site


def test_a_hook_with_other_arguments_is_broken(site: Site) -> None:
    site.install("broken-one", BOTH.format(kind="commands", arguments="group", body="pass"))
    manager = PluginManager()
    with pytest.warns(SeqSaveWarning, match="group"):
        manager.infos()
