"""Receivers in JavaScript: the verifiers of the npm packages take what is signed, no other."""

import base64
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ordercast.delivery.composing import Composer, Form
from ordercast.delivery.example_events import example_event
from ordercast.delivery.signing import new_secret
from ordercast.store.pushes import EVENT_TYPES

pytestmark = pytest.mark.service
SOURCE = Path(__file__).parent / "node"
INSTALL_SECONDS = 120


@pytest.fixture(scope="module")
def verify(tmp_path_factory):
    """A function that asks node about secrets and pushes."""
    if missing := [each for each in ("node", "npm") if shutil.which(each) is None]:
        pytest.skip(f"no {', '.join(missing)}: run .ci/services")
    place = tmp_path_factory.mktemp("node")
    for name in ("package.json", "verify.mjs"):
        shutil.copy(SOURCE / name, place)
    trusting = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(
        install, cwd=place, env=trusting, check=True, capture_output=True, timeout=INSTALL_SECONDS
    )

    def ask(secrets, pushes):
        told = [
            {"body": base64.b64encode(body).decode(), "headers": dict(headers)}
            for body, headers in pushes
        ]
        answer = subprocess.run(
            ["node", "verify.mjs"],
            cwd=place,
            input=json.dumps({"secrets": secrets, "pushes": told}).encode(),
            check=True,
            capture_output=True,
            timeout=INSTALL_SECONDS,
        )
        return json.loads(answer.stdout)

    return ask


def composed(event_type, secrets, at=None):
    made = Composer(base_url="http://127.0.0.1:8080").compose(
        example_event(event_type), Form(), secrets, at=at or datetime.now(UTC)
    )
    return made.body, made.headers


def test_during_the_overlap_both_secrets_are_verified_and_after_it_the_new_one(verify):
    old, new, other = new_secret(), new_secret(), new_secret()
    pushes = [composed(each, [new, old]) for each in EVENT_TYPES]
    pushes += [composed(each, [new]) for each in EVENT_TYPES]
    yes, no = [True, True], [False, False]
    during, after = [yes, yes, no], [yes, no, no]
    assert verify([new, old, other], pushes) == [during] * len(EVENT_TYPES) + [after] * len(
        EVENT_TYPES
    )


def test_a_changed_body_and_an_old_timestamp_are_not_verified(verify):
    secret = new_secret()
    body, headers = composed("order.completed", [secret])
    late = composed("order.completed", [secret], at=datetime(2026, 1, 1, tzinfo=UTC))
    assert verify([secret], [(body + b" ", headers), late]) == [[[False, False]]] * 2
