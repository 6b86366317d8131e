"""How `plimsoll` and others are measured side by side: on one core, the best of several runs, one after the other.

Theirs is the time of the run alone, with all data in memory and all that is compiled at the first call compiled. Ours
is `run_seconds`, with the file being decoded meanwhile by a thread on the same core; what the loop waits for that
thread is left out, what the thread takes from the loop is not.
"""

import os
import platform
import sys
import time
from datetime import date
from pathlib import Path

import ours

RUNS = 3


def folder():
    """Where data is kept between runs; named by whoever starts this."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "target/peers/data"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def one_core():
    """This process, and what it starts, on one core alone."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    print(f"\n{date.today()}, one core of {os.cpu_count()}, Python {platform.python_version()}")


def best(run, runs=RUNS):
    """The shortest time of several, and what came out."""
    taken = []
    result = None
    for _ in range(runs):
        began = time.perf_counter()
        result = run()
        taken.append(time.perf_counter() - began)
    return min(taken), result


def best_of_ours(*args):
    reports = [ours.backtest(*args) for _ in range(RUNS)]
    report = min(reports, key=lambda report: report["run_seconds"])
    return report["run_seconds"], report


class Table:
    """Rows of one comparison; the first one is ours."""

    def __init__(self, title, events, noun):
        self.events, self.first = events, None
        print(f"\n{title}: {events:,} {noun}")
        print(f"  {'':<44} {'seconds':>9} {'a second':>12} {'orders':>8} {'fills':>8} {'ours':>9}")

    def row(self, name, seconds, orders, fills):
        self.first = self.first or seconds
        ratio = "" if seconds == self.first else f"{seconds / self.first:8.2f}x"
        rate = f"{self.events / seconds / 1e6:.2f} M"
        print(f"  {name:<44} {seconds:9.3f} {rate:>12} {orders:8} {fills:8} {ratio:>9}", flush=True)
