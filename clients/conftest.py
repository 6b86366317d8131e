"""Starts real simulated exchanges for unmodified third-party clients.

`PLIMSOLL_BIN` names the binary; `cargo xtask test` sets it.
"""

import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

BINARY = os.environ.get("PLIMSOLL_BIN", str(Path(__file__).parent.parent / "target/debug/plimsoll"))

KEY, SECRET = "trader-key", "trader-secret"
MAKER_KEY, MAKER_SECRET = "maker-key", "maker-secret"
ACCOUNTS = [
    f"{KEY}:{SECRET}:10000 USDT,1 BTC",
    f"{MAKER_KEY}:{MAKER_SECRET}:1000000 USDT,100 BTC",
]


class Venue:
    """A running `plimsoll venue`."""

    def __init__(self, *args, accounts=ACCOUNTS):
        command = [BINARY, "venue", "--dialect", "binance", "--listen", "127.0.0.1:0", *args]
        for account in accounts:
            command += ["--account", account]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), line
        self.http = line.split()[-1]
        self.ws = self.http.replace("http", "ws", 1)

    def state(self):
        with urllib.request.urlopen(f"{self.http}/_sim/state", timeout=5) as answer:
            return json.load(answer)

    def post(self, path, **body):
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.http}/_sim/{path}", data=data, method="POST")
        urllib.request.urlopen(request, timeout=5).close()

    def fault(self, **fault):
        self.post("faults", **fault)

    def heal(self):
        self.post("heal")

    def transfer(self, account, asset, amount):
        self.post("transfer", account=account, asset=asset, amount=amount)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def venue():
    """An exchange where nobody trades but its two accounts."""
    running = Venue("--market", "empty")
    yield running
    running.stop()


@pytest.fixture
def busy_venue():
    """An exchange with a market around the accounts."""
    running = Venue("--market", "synthetic:7")
    yield running
    running.stop()


@pytest.fixture
def start_venue():
    """Starts exchanges with arguments of the test's own."""
    running = []

    def start(*args, **kwargs):
        running.append(Venue(*args, **kwargs))
        return running[-1]

    yield start
    for venue in running:
        venue.stop()
