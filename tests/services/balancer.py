"""nginx before several servers, by the example that deploy/ gives, on ports of the tests' own."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from config.settings import PROJECT_DIR
from tests.plain_http import HTTP
from tests.waiting import wait_for

PROGRAM = "nginx"
EXAMPLE = PROJECT_DIR / "deploy" / "nginx" / "ordercast.conf"
START_SECONDS = STOP_SECONDS = 20

MAIN = """
{user}
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/ordercast.conf;
}}
"""


def missing_programs() -> list[str]:
    return [] if shutil.which(PROGRAM) else [PROGRAM]


def at_our_ports(
    example: str, upstreams: Mapping[str, Sequence[int]], listen: Mapping[int, int]
) -> str:
    """The example with these ports of this machine behind each upstream, and in front."""
    for name, ports in upstreams.items():
        block = re.search(rf"upstream {name} \{{.*?\}}", example, re.DOTALL)
        assert block, f"the example has no upstream {name}"
        (options,) = set(re.findall(r"server \S+ (.*);", block[0]))
        servers = "".join(f"    server 127.0.0.1:{port} {options};\n" for port in ports)
        rest = re.sub(r" *server .*;\n", "", block[0]).replace("{\n", "{\n" + servers, 1)
        example = example.replace(block[0], rest)
    for theirs, ours in listen.items():
        assert f"listen {theirs};" in example
        example = example.replace(f"listen {theirs};", f"listen 127.0.0.1:{ours};")
    return example


@contextmanager
def balancing(
    home: Path, upstreams: Mapping[str, Sequence[int]], listen: Mapping[int, int]
) -> Iterator[None]:
    """Run nginx until the end of the block."""
    user = "user root;" if os.geteuid() == 0 else ""
    (home / "ordercast.conf").write_text(at_our_ports(EXAMPLE.read_text(), upstreams, listen))
    (home / "nginx.conf").write_text(MAIN.format(home=home, user=user))
    command = [PROGRAM, "-p", str(home), "-c", str(home / "nginx.conf")]
    with (home / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for port in listen.values():
            wait_for(lambda at=port: _listens(at), what="nginx is not up", seconds=START_SECONDS)
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _listens(port: int) -> bool:
    """Whether it answers: 502 as long as nothing stands behind it."""
    try:
        return HTTP.get(f"http://127.0.0.1:{port}/", timeout=10).status_code > 0
    except httpx.HTTPError:
        return False
