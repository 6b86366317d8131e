"""`examples/ray_sweep.py`: a sweep that Ray spreads says what `plimsoll sweep` says on one machine, row by row."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import ours

SCRIPT = Path(__file__).parent.parent / "examples/ray_sweep.py"


@pytest.fixture(scope="module", name="source")
def fixture_source(tmp_path_factory):
    """Minutes of a price that walks by chance, from a seed."""
    path, state, price = tmp_path_factory.mktemp("sweep") / "BTC-USDT-1m.csv", 88_172_645, 20_000
    with open(path, "w", encoding="ascii") as out:
        out.write("timestamp,open,high,low,close,volume\n")
        for minute in range(4_000):
            state = (state * 1_103_515_245 + 12_345) % (1 << 31)
            start, price = price, price + (state >> 8) % 41 - 20
            high, low = max(start, price) + 2, min(start, price) - 2
            out.write(f"{1_600_000_020 + minute * 60},{start},{high},{low},{price},10\n")
    return path


def spread(*args):
    # Sockets have short names, and nobody is told who uses Ray.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": folder}
        command = [sys.executable, SCRIPT, "--cpus", "2", "--binary", ours.BINARY, *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize("by", ["sharpe", "max_drawdown"])
def test_a_spread_sweep_is_the_sweep(source, by):
    args = ["--data", source, "--agent", "ema-cross", "--param", "qty=0.1", "--param", "fast=2..6:2"]
    args += ["--param", "slow=10,20,30,45", "--taker-bps", "2", "--by", by]
    alone = json.loads(ours.plimsoll("sweep", *args, "--json"))
    done = spread(*args, "--json")
    assert done.returncode == 0, done.stderr
    together = json.loads(done.stdout)
    assert len(together["runs"]) == 12 and len({row["total_return"] for row in together["runs"]}) > 6
    for one, other in zip(alone["runs"], together["runs"], strict=True):
        assert one == other
    assert together["walk_forward"] == alone["walk_forward"] and len(alone["walk_forward"]["folds"]) == 3
    for figure in ("deflated_sharpe", "sharpe_of_luck"):
        assert together[figure] == pytest.approx(alone[figure], rel=1e-12)
    assert together["warnings"] == alone["warnings"] and alone["warnings"]
    assert together["by"] == alone["by"] and together.keys() == alone.keys()


def test_a_person_gets_the_same_table(source):
    args = ["--data", source, "--agent", "ema-cross", "--param", "fast=2..4", "--param", "slow=20,30", "--top", "4"]
    done = spread(*args)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ours.plimsoll("sweep", *args)


def test_a_mistake_is_told_in_the_words_of_the_binary(source):
    done = spread("--data", source, "--agent", "ema-cross", "--param", "fast=8..10", "--param", "slow=9..11")
    assert done.returncode == 2 and "must be less than slow" in done.stderr, done.stderr
