"""How many threads are worth starting."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path


def physical_cores() -> int:
    """Physical cores this process may use, at least 1.

    Two hardware threads of one core share its arithmetic units, so a second one only gets in the way.
    Where the system does not tell siblings apart (anything but Linux) every processor counts; a
    container's share of them is respected.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = {_siblings(processor) for processor in allowed}
    return max(1, min(len(cores), _quota()))


def _siblings(processor: int) -> str:
    """What all hardware threads of one core have in common."""
    path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    try:
        return path.read_text()
    except OSError:
        return str(processor)


def _quota() -> int:
    """Processors the control group grants; a large number where it sets no limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return ceil(int(limit) / int(period))
    except (OSError, ValueError):
        return 1 << 16
