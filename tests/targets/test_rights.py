"""The advice of an error names the right that the failed operation needs, not another one."""

from __future__ import annotations

import pytest

from seqsave.targets.failures import Scene, translate
from seqsave.targets.rights import right_to


@pytest.mark.parametrize(
    ("doing", "url", "right"),
    [
        ("save", "s3://renders/a.png", "s3:PutObject"),
        ("read", "s3://renders/a.png", "s3:GetObject"),
        ("look for", "s3://renders/a.png", "s3:GetObject and s3:ListBucket"),
        ("list", "S3://renders", "s3:ListBucket"),
        ("delete", "s3a://renders/a.png", "s3:DeleteObject"),
        ("read", "gs://renders/a.png", "storage.objects.get"),
        ("delete", "gcs://renders/a.png", "storage.objects.delete"),
        ("read", "az://renders/a.png", "the role Storage Blob Data Reader"),
        ("save", "abfs://renders/a.png", "the role Storage Blob Data Contributor"),
        ("save", "webdav://host/a.png", "the right to write"),
        ("look for", "sftp://host/a.png", "the right to read"),
        ("open", "s3://renders", "the right to open"),
        ("delete", "/renders/a.png", "the right to delete"),
    ],
)
def test_a_right_has_the_storages_own_name(doing: str, url: str, right: str) -> None:
    assert right_to(doing, url) == right


class RefusedError(Exception):
    """An answer with a status."""

    status = 403


@pytest.mark.parametrize("doing", ["save", "read", "look for", "list", "delete"])
@pytest.mark.parametrize("scheme", ["s3", "gs", "az", "webdav"])
def test_a_refusal_names_the_right_of_what_was_done(doing: str, scheme: str) -> None:
    url = f"{scheme}://renders/a.png"
    message = str(translate(RefusedError(), Scene(doing, url)))
    assert message == (
        f"cannot {doing} {url}: the credentials do not allow it; ask for {right_to(doing, url)}, "
        "or use other credentials"
    )


@pytest.mark.parametrize(
    "error", [PermissionError(13, "no"), OSError(28, "full"), OSError(30, "ro"), NotADirectoryError(20, "no")]
)
@pytest.mark.parametrize("doing", ["read", "list", "look for", "delete"])
def test_only_a_file_that_is_saved_can_be_saved_elsewhere(error: OSError, doing: str) -> None:
    assert "save elsewhere" in str(translate(error, Scene("save", "/renders/a.png")))
    assert "save elsewhere" not in str(translate(error, Scene(doing, "/renders/a.png")))
