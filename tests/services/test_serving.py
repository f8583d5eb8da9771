"""`make services` and `.ci/run`: servers run beside a command, which is led to them by settings."""

import signal
import subprocess
import sys

import pytest

from tests.services import serving
from tests.services.redis_server import RedisServer
from tests.services.serving import SERVERS, Server, main

pytestmark = pytest.mark.service

REDIS = [each for each in SERVERS if each.name == "Redis"]
PING = "import os, redis; redis.Redis.from_url(os.environ['ORDERCAST_TEST_REDIS_URL']).ping()"
ABSENT = Server("Absent", lambda: ["absentd"], serving.redis)


@pytest.fixture(autouse=True)
def only_redis(monkeypatch):
    if missing := RedisServer.missing_programs():
        pytest.skip(f"no {', '.join(missing)}: run .ci/services")
    monkeypatch.setattr(serving, "SERVERS", REDIS)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_command_finds_the_servers_and_its_status_is_the_end():
    assert main([sys.executable, "-c", PING]) == 0
    assert main([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_a_command_is_not_run_where_a_server_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(serving, "SERVERS", [*REDIS, ABSENT])
    assert main(["touch", str(tmp_path / "was-run")]) == 1
    assert not (tmp_path / "was-run").exists()


def test_without_a_command_the_others_run_and_what_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(serving, "SERVERS", [ABSENT, *REDIS])
    told = []
    with serving.all_running(shared_only=False, tell=told.append) as settings:
        assert settings.keys() == {"ORDERCAST_TEST_REDIS_URL"}
    assert told[0].startswith("Absent: no absentd; .ci/services")


def test_until_ctrl_c_the_settings_are_printed_for_a_shell():
    code = (
        "from tests.services import serving\n"
        "serving.SERVERS = [each for each in serving.SERVERS if each.name == 'Redis']\n"
        "raise SystemExit(serving.main([]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert line.startswith("export ORDERCAST_TEST_REDIS_URL=redis://127.0.0.1:")
