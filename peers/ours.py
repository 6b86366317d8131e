"""Runs `plimsoll`, and reads what it says.

`PLIMSOLL_BIN` names the binary; `cargo xtask test --peers` and `cargo xtask bench peers` set it.
"""

import json
import os
import subprocess
from pathlib import Path

BINARY = os.environ.get("PLIMSOLL_BIN", str(Path(__file__).parent.parent / "target/debug/plimsoll"))


def plimsoll(*args):
    done = subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"plimsoll {' '.join(map(str, args))}\n{done.stderr}"
    return done.stdout


def imported(source, target, *args):
    """A file of ours made from one of others."""
    plimsoll("data", "import", source, "--out", target, *args)
    return target


def backtest(*args):
    """What a backtest comes to, under its own assumptions alone."""
    return json.loads(plimsoll("backtest", *args, "--alone", "--json"))


def params(**given):
    return [word for name, value in given.items() for word in ("--param", f"{name}={value}")]


def fills_of(journal):
    """The executions in a journal, in our words: `venue_time` in nanoseconds, `side`, `price`, `qty`, `fee`."""
    fills = []
    with open(journal, encoding="utf-8") as lines:
        for line in lines:
            if '"kind":"filled"' in line:
                fills.append(json.loads(line)["fill"])
    return fills
