"""How much memory a process has in use, and has had at most. Source: proc(5), status."""

from pathlib import Path

MB = 1000 * 1000


def resident_mb(pid: int) -> float:
    """What it uses now."""
    return _field(pid, "VmRSS")


def peak_mb(pid: int) -> float:
    """The most that it has used since it started."""
    return _field(pid, "VmHWM")


def _field(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / MB
    raise ValueError(f"process {pid} tells no {name}")
