"""What orders cost: requests at the Prefect server, and the processor time of each service."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import Self

from benchmarks.stack import SERVICES, BenchStack
from ordercast.demo.home import log_file

REQUEST = re.compile(r'"(GET|POST|PATCH|PUT|DELETE) (/api/[^ ?"]*)')
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Meter:
    """Where the counts stood at one moment."""

    log_bytes: int
    cpu_seconds: dict[str, float]

    @classmethod
    def read(cls, bench: BenchStack) -> Self:
        log = log_file(bench.home, "prefect")
        return cls(log.stat().st_size, {each: cpu_seconds(bench.pid(each)) for each in SERVICES})

    def requests_since(self, bench: BenchStack) -> Counter[str]:
        """The requests that the Prefect server has answered since then, by route."""
        with log_file(bench.home, "prefect").open("rb") as log:
            log.seek(self.log_bytes)
            text = log.read().decode(errors="replace")
        return Counter(f"{verb} {UUID.sub('{id}', path)}" for verb, path in REQUEST.findall(text))

    def cpu_since(self, bench: BenchStack) -> dict[str, float]:
        """The processor seconds that each service has used since then."""
        after = Meter.read(bench).cpu_seconds
        return {service: after[service] - before for service, before in self.cpu_seconds.items()}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process. Source: proc(5), fields 14 and 15."""
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 (not a file of ours)
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
