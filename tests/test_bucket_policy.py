"""The policy of docs/howto/bucket.md is enough for what the page promises, and no right of it can be left out."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import numpy as np
import pytest

import seqsave
from tests.test_docs import blocks

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "bucket.md"
FRAMES = np.zeros((3, 9, 16, 3), np.uint8)


def policy_for(folder: str) -> dict[str, Any]:
    """Return the policy of the page for a folder of another bucket."""
    (block,) = [block for block in blocks(PAGE) if block.language == "json"]
    bucket, _, path = folder.partition("/")
    text = (
        block.code.replace("renders/shot010", folder)
        .replace(":::renders", f":::{bucket}")
        .replace("shot010/", f"{path}/")
    )
    return json.loads(text)  # type: ignore[no-any-return]


def user_with(server: S3Server, policy: dict[str, Any]) -> dict[str, Any]:
    """Return the storage options of a new user who has this policy alone."""
    iam = botocore.session.get_session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
    )
    name = "user-" + secrets.token_hex(6)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="page", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    return {**server.storage_options, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def without(policy: dict[str, Any], action: str) -> dict[str, Any]:
    statements = []
    for one in policy["Statement"]:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        if kept := [name for name in actions if name != action]:
            statements.append({**one, "Action": kept})
    return {**policy, "Statement": statements}


def save_resume_and_read(url: str, options: dict[str, Any]) -> bool | None:
    """Do what the page promises; return whether the manifest states that the sequence is complete."""
    seqsave.save(FRAMES, url, total=3, storage_options=options)
    again = seqsave.save(FRAMES, url, total=3, if_exists="skip", storage_options=options)
    assert again.counts["skipped"] == 3
    sequence = seqsave.open_sequence(url, storage_options=options)
    assert sequence.read().shape == FRAMES.shape
    return sequence.manifest is not None and not sequence.missing


def test_the_policy_is_enough(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    assert save_resume_and_read(url, user_with(s3_server, policy_for(url.removeprefix("s3://"))))


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"])
def test_no_right_can_be_left_out(s3_server: S3Server, action: str) -> None:
    url = s3_server.new_prefix()
    policy = policy_for(url.removeprefix("s3://"))
    assert action in json.dumps(policy)
    with pytest.raises(seqsave.SeqSaveError, match=action):
        save_resume_and_read(url, user_with(s3_server, without(policy, action)))


def test_the_key_reaches_no_other_folder(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    options = user_with(s3_server, policy_for(url.removeprefix("s3://")))
    other = s3_server.new_prefix()
    seqsave.save(FRAMES, other, storage_options=s3_server.storage_options)
    with pytest.raises(seqsave.SaveError, match="s3:PutObject"):
        seqsave.save(FRAMES, other, manifest=False, storage_options=options)
    with pytest.raises(seqsave.TargetError, match="s3:ListBucket"):
        seqsave.open_sequence(other, storage_options=options)


def test_the_right_to_put_is_enough_for_a_new_sequence(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    folder = url.removeprefix("s3://")
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{folder}/*"}
    options = user_with(s3_server, {"Version": "2012-10-17", "Statement": [statement]})
    assert seqsave.save(FRAMES, url, storage_options=options).counts["saved"] == 3
