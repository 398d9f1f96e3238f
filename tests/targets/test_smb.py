"""SMB on a real server, Samba: frames and manifests, and names that differ only in their case."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import seqsave
from seqsave.errors import SaveError
from tests.support.needs import missing, needs_package
from tests.support.smb import SmbServer, find_smbd

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.servers,
    # The driver leaves it to the end of the program to close its connections.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

OLD, NEW = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 200, np.uint8)


@pytest.fixture(scope="module")
def server() -> Iterator[SmbServer]:
    needs_package("smbprotocol", "pip install smbprotocol")
    if find_smbd() is None:
        missing("smbd", "apt-get install samba")
    if os.geteuid() != 0:
        pytest.skip("Samba takes its users from the system, which needs root")
    with SmbServer() as one:
        yield one


def save(server: SmbServer, url: str, prefix: str, picture: Any, **settings: Any) -> Any:
    return seqsave.save([picture] * 3, url, prefix=prefix, storage_options=server.storage_options, **settings)


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "skip valid"])
@pytest.mark.parametrize("manifest", [True, False])
def test_frames_of_a_name_in_other_letters_are_left_alone(server: SmbServer, if_exists: Any, manifest: bool) -> None:
    folder = f"share-{if_exists.replace(' ', '-')}-{manifest}"
    url, disk = server.url(folder), server.folder / folder
    save(server, url, "Frame", OLD, manifest=manifest)
    before = {path.name: path.read_bytes() for path in disk.glob("*.png")}
    with pytest.raises(SaveError, match=r"Frame_.*capital and small letters.*another prefix"):
        save(server, url, "frame", NEW, manifest=manifest, if_exists=if_exists)
    assert {path.name: path.read_bytes() for path in disk.glob("*.png")} == before
    found = seqsave.open_sequence(url, storage_options=server.storage_options)
    assert manifest is (found.manifest is not None and found.manifest.complete)


@pytest.mark.parametrize("if_exists", ["overwrite", "skip", "skip valid"])
def test_a_share_that_is_exact_holds_both(server: SmbServer, if_exists: Any) -> None:
    folder = f"exact-{if_exists.replace(' ', '-')}"
    url = server.url(folder, share="exact")
    save(server, url, "Frame", OLD)
    assert save(server, url, "frame", NEW, if_exists=if_exists).counts["saved"] == 3
    assert len(list((server.folder / folder).glob("*.png"))) == 6


def test_frames_are_replaced_or_skipped_by_their_own_name(server: SmbServer) -> None:
    url = server.url("own")
    save(server, url, "frame", OLD)
    assert save(server, url, "frame", NEW, if_exists="skip").counts["skipped"] == 3
    assert save(server, url, "frame", NEW).counts["saved"] == 3
    found = seqsave.open_sequence(url, storage_options=server.storage_options)
    assert found.manifest is not None
    assert found.manifest.complete
    assert {int(picture[0, 0, 0]) for picture in found.arrays()} == {200}
