"""A whole Ceph cluster with an S3 door, small enough for a test session.

One monitor, one OSD on a sparse BlueStore file and one radosgw, each on free ports of
127.0.0.1 and without authentication between them; all they write is in one directory.
The S3 door is there in plain HTTP and in TLS with a certificate that nobody knows, and has
a second storage class, COLD.
"""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.services.certificates import make_certificate
from tests.waiting import free_port

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
START_SECONDS = 120

CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}/0]
public_addr = 127.0.0.1
public_network = 127.0.0.0/8
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
admin_socket =
run_dir = {home}
crash_dir = {home}
log_file = {home}/$name.log
mon_cluster_log_file = {home}/cluster.log
mon_data = {home}/mon
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
osd_data = {home}/osd
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = bluestore
osd_class_update_on_start = false
bluestore_block_size = 4294967296
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
rgw_data = {home}
rgw_run_sync_thread = false
rgw_enable_lc_threads = false
rgw_enable_usage_log = false
rgw_thread_pool_size = 16
rgw_dns_resolver_timeout = 1
"""


@dataclass(frozen=True)
class S3User:
    """A user of the S3 door: its key and its secret."""

    key: str
    secret: str


class Ceph:
    """A running cluster: use it as a context manager.

    `endpoint` is the host and port of S3, `tls_endpoint` the same in TLS; `certificate` is the
    file to trust for it, which knows the server as `localhost` alone.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.endpoint = f"127.0.0.1:{self.port}"
        self._tls_port = free_port()
        self.tls_endpoint = f"localhost:{self._tls_port}"
        self.certificate = home / "certificate.pem"
        self._configuration = home / "ceph.conf"
        self._processes: list[subprocess.Popen[bytes]] = []

    @staticmethod
    def missing_programs() -> list[str]:
        return [name for name in PROGRAMS if shutil.which(name) is None]

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        fsid, mon_port = str(uuid.uuid4()), free_port()
        self._configuration.write_text(
            CONFIGURATION.format(fsid=fsid, mon_port=mon_port, home=self.home)
        )
        self._start_monitor(fsid, mon_port)
        self._start_osd()
        self.add_user("warm-up")  # makes the pools, which radosgw would otherwise make as well
        self._add_storage_class("COLD")
        make_certificate(self.certificate)
        self.start_gateway()

    def _start_monitor(self, fsid: str, port: int) -> None:
        monmap = str(self.home / "monmap")
        address = f"[v2:127.0.0.1:{port}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", "--mkfs", "--id", "a", "--monmap", monmap)
        self._spawn("ceph-mon", "--id", "a")

    def _start_osd(self) -> None:
        (self.home / "osd").mkdir()
        osd_uuid = str(uuid.uuid4())
        self._run("ceph", "--connect-timeout", "60", "osd", "new", osd_uuid)
        self._run("ceph-osd", "--id", "0", "--mkfs", "--osd-uuid", osd_uuid)
        self._spawn("ceph-osd", "--id", "0")
        self._wait_for("the OSD", self._osd_is_up)

    def start_gateway(self) -> None:
        """Open the S3 door, at the ports that it had before."""
        tls = f"ssl_endpoint=127.0.0.1:{self._tls_port} ssl_certificate={self.certificate}"
        frontend = f"beast endpoint={self.endpoint} {tls}"
        self._spawn("radosgw", "--name", "client.rgw", "--rgw-frontends", frontend)
        self._wait_for("radosgw", self._gateway_answers)

    def stop_gateway(self) -> None:
        """Shut the S3 door as a crash does; what was stored stays."""
        _kill(self._processes.pop())

    def add_user(self, name: str, *options: str) -> S3User:
        arguments = ("--uid", name, "--display-name", name, *options)
        return _users(self._admin("user", "create", *arguments))[0]

    def suspend_user(self, name: str) -> None:
        self._admin("user", "suspend", "--uid", name)

    def add_key(self, name: str) -> S3User:
        """Give a user a second key."""
        before = set(_users(self._admin("user", "info", "--uid", name)))
        made = self._admin(
            "key", "create", "--uid", name, "--key-type", "s3", "--gen-access-key", "--gen-secret"
        )
        return next(each for each in _users(made) if each not in before)

    def withdraw_key(self, name: str, key: str) -> None:
        self._admin("key", "rm", "--uid", name, "--key-type", "s3", "--access-key", key)

    def let_days_pass(self) -> None:
        """Do what the lifecycle of each bucket asks, with a day as long as a second."""
        one = ("--rgw-lc-max-wp-worker", "1")  # each that rests at the end of a bucket costs 0.6 s
        self._admin("lc", "process", "--rgw-lc-debug-interval", "1", *one)

    def _add_storage_class(self, name: str) -> None:
        place = ("--placement-id", "default-placement", "--storage-class", name)
        self._admin("zonegroup", "placement", "add", "--rgw-zonegroup", "default", *place)
        pool = ("--data-pool", "default.rgw.buckets.data")
        self._admin("zone", "placement", "add", "--rgw-zone", "default", *place, *pool)

    def _admin(self, *arguments: str) -> str:
        return self._run("radosgw-admin", *arguments)

    def stop(self) -> None:
        """Kill what was started, the last first, each by its own process id: nothing is kept."""
        while self._processes:
            _kill(self._processes.pop())

    def _osd_is_up(self) -> bool:
        return json.loads(self._run("ceph", "osd", "stat", "--format", "json"))["num_up_osds"] == 1

    def _gateway_answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://{self.endpoint}/", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _wait_for(self, what: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            process = self._processes[-1]
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{what} is not up (exit {process.returncode}): {self._log()}")
            time.sleep(0.1)

    def _log(self) -> str:
        return "\n".join(path.read_text()[-2000:] for path in self.home.glob("*.log"))

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [program, "--conf", str(self._configuration), *arguments],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    def _spawn(self, program: str, *arguments: str) -> None:
        with (self.home / f"{program}.out.log").open("ab") as out:
            process = subprocess.Popen(
                [program, "--conf", str(self._configuration), "--foreground", *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)


def _users(told: str) -> list[S3User]:
    keys = json.loads(told)["keys"]
    return [S3User(key["access_key"], key["secret_key"]) for key in keys]


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
