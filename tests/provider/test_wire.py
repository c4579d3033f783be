"""Values as the engine has them, and as the lifecycle takes them."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi_entra_provisioning.wire import UNKNOWN, NotPlain, has_secret, plain, secret

SIGNATURE = rpc._special_sig_key


def output(**members: Any) -> dict[str, Any]:
    """An output value: https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/rpc.py."""
    return {SIGNATURE: rpc._special_output_value_sig, **members}


def test_the_marks_are_those_of_pulumis_sdk() -> None:
    assert UNKNOWN == rpc.UNKNOWN
    assert secret("t0ken") == {SIGNATURE: rpc._special_secret_sig, "value": "t0ken"}


@pytest.mark.parametrize(
    ("marked", "value", "is_secret"),
    [
        ({"a": secret("t0ken")}, {"a": "t0ken"}, True),
        ([secret({"a": secret("t0ken")})], [{"a": "t0ken"}], True),
        (output(value="known"), "known", False),
        (output(value=["t0ken"], secret=True, dependencies=[]), ["t0ken"], True),
        (output(), UNKNOWN, False),
        ({"a": [1.0, 1.5, True, None]}, {"a": [1, 1.5, True, None]}, False),
        ("1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", UNKNOWN, False),
    ],
)
def test_a_value_loses_its_marks_and_what_is_secret_is_seen(
    marked: Any, value: Any, is_secret: bool
) -> None:
    assert plain(marked) == value
    assert has_secret(marked) is is_secret


@pytest.mark.parametrize(
    "kind", [rpc._special_asset_sig, rpc._special_archive_sig, rpc._special_resource_sig]
)
def test_what_no_input_takes_is_not_plain(kind: str) -> None:
    assert isinstance(plain({SIGNATURE: kind, "text": "content"}), NotPlain)
