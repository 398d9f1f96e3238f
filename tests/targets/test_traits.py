"""Traits of filesystems: declared, else the weakest."""

from __future__ import annotations

import pytest

from seqsave import Traits, targets
from seqsave.errors import TargetError
from seqsave.targets import traits
from tests.targets.stores import declare


def test_traits_of_a_filesystem_that_is_not_installed() -> None:
    declare("nowhere", traits=Traits(publish="put"), install_hint="pip install nowhere-fs")
    with pytest.raises(TargetError, match=r"unknown protocol 'nowhere'.*; install it with: pip install nowhere-fs$"):
        targets.resolve("nowhere://x")


def test_smb_and_what_nothing_is_known_of_may_take_letters_for_one_another() -> None:
    declare("shelf", traits=Traits(publish="put"))
    found = [traits.may_fold_case(one) for one in ("smb", "sftp", "gs", "unheard-of", "shelf")]
    assert found == [True, False, False, True, False]


def test_what_nothing_is_known_of_gets_the_weakest_traits() -> None:
    found = traits.traits_of("memory")
    assert (found.create, found.threads, found.own_top) == (False, "turns", True)


@pytest.mark.parametrize("size", [0, 50 << 20, 400 << 20])
def test_google_gets_each_file_in_one_request(size: int) -> None:
    assert traits.for_google("image/png", size)["chunksize"] > size
