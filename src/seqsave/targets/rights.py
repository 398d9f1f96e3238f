"""Name the right that a storage asks for, in its own words, for the advice of errors.

s3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
gs: https://cloud.google.com/storage/docs/access-control/iam-permissions
az: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
"""

from __future__ import annotations

__all__ = ["right_to"]

_S3 = {
    "save": "s3:PutObject",
    "read": "s3:GetObject",
    "look for": "s3:GetObject and s3:ListBucket",
    "list": "s3:ListBucket",
    "delete": "s3:DeleteObject",
}
_GOOGLE = {
    "save": "storage.objects.create, and storage.objects.delete to replace files",
    "read": "storage.objects.get",
    "look for": "storage.objects.get",
    "list": "storage.objects.list",
    "delete": "storage.objects.delete",
}
_READER, _CONTRIBUTOR = "the role Storage Blob Data Reader", "the role Storage Blob Data Contributor"
_AZURE = {
    "save": _CONTRIBUTOR,
    "read": _READER,
    "look for": _READER,
    "list": _READER,
    "delete": _CONTRIBUTOR,
}
_BY_SCHEME = {
    **dict.fromkeys(("s3", "s3a"), _S3),
    **dict.fromkeys(("gs", "gcs"), _GOOGLE),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), _AZURE),
}
_PLAIN = {"save": "write", "change": "write", "look for": "read"}


def right_to(doing: str, url: str) -> str:
    """Return the right that an operation on a URL takes: ``"s3:GetObject"``; ``"the right to read"`` elsewhere.

    doing: as in ``Scene``.
    """
    known = _BY_SCHEME.get(url.partition("://")[0].lower(), {})
    return known.get("save" if doing == "change" else doing) or f"the right to {_PLAIN.get(doing, doing)}"
