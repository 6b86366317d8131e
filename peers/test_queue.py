"""Our queue against hftbacktest's: the same orders on the same book, and who says that they were filled.

Both read the same two files in the layout of Tardis, hftbacktest through its own converter. An order is placed and
taken back at given times, so nothing depends on a strategy; both let it reach the exchange 10.5 ms later. hftbacktest
fills parts of orders here (its `partial_fill_exchange`), as we do.

What differs between queue models is one question: when a level becomes smaller and nobody traded, did what left stand
before our order or behind it? Nobody knows. We say behind, always, as hftbacktest's most careful model does.
"""

import csv
import os
import subprocess
from pathlib import Path

import hftbacktest as hft
import numpy as np
import pytest
from hftbacktest.data.utils import tardis
from hftbacktest.order import PARTIALLY_FILLED
from numba import njit

import made

PASSIVE = os.environ.get(
    "PLIMSOLL_PASSIVE", str(Path(__file__).parent.parent / "target/debug/examples/passive")
)
ONE_WAY_NS = 10_500_000
ORDERS = 400
# A tenth of the tape's lot: orders end with half of one (`made.script`).
UNIT = 0.0001

MODELS = {
    "risk_adverse": lambda asset: asset.risk_adverse_queue_model(),
    "log_prob": lambda asset: asset.log_prob_queue_model(),
    "power_prob_2": lambda asset: asset.power_prob_queue_model(2.0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    made.script(folder, ORDERS, seed=11)
    return folder


@pytest.fixture(scope="module")
def orders(folder):
    with open(folder / "orders.csv", encoding="ascii") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def ours(folder, orders):
    files = [folder / "made_trades.csv", folder / "made_incremental_book_L2.csv"]
    command = [PASSIVE, folder / "orders.csv", *files]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    placed = np.array([int(order["placed_us"]) * 1_000 for order in orders])
    fills = []
    for fill in csv.DictReader(out.stdout.splitlines()):
        # One order at a time: it is of the one that was placed last.
        number = int(np.searchsorted(placed, int(fill["time"]), side="right"))
        order = orders[number - 1]
        assert (order["side"], float(order["price"])) == (fill["side"], float(fill["price"]))
        fills.append((number, int(fill["time"]), round(float(fill["qty"]) / UNIT)))
    return fills


@pytest.fixture(scope="module")
def feed(folder):
    names = ["made_trades.csv", "made_incremental_book_L2.csv"]
    return tardis.convert([str(folder / name) for name in names], buffer_size=2_000_000)


@njit
def play(hbt, placed, canceled, sides, prices, qtys, fills):
    """Places and takes back; writes number, time at the exchange and quantity of each execution, and says how many."""
    count = 0
    # Before the first row its clock stands at the end of time.
    hbt.wait_next_feed(False, 1)
    for at in range(len(placed)):
        order_id = at + 1
        for step in range(3):
            # When to place it, when to take it back, and when the answer to that must be there.
            until = placed[at] if step == 0 else canceled[at] if step == 1 else canceled[at] + 3 * ONE_WAY_NS
            while hbt.current_timestamp < until:
                heard = hbt.wait_next_feed(True, until - hbt.current_timestamp)
                if heard != 0 and heard != 2 and heard != 3:
                    # The data is over, or something is wrong: then the time is short of the last order's.
                    return count
                if heard == 3:
                    order = hbt.orders(0).get(order_id)
                    if order is None or not (order.status == hft.FILLED or order.status == PARTIALLY_FILLED):
                        continue
                    if count == 0 or fills[count - 1, 0] != order_id or fills[count - 1, 1] != order.exch_timestamp:
                        fills[count, 0] = order_id
                        fills[count, 1] = order.exch_timestamp
                        fills[count, 2] = round(order.exec_qty / UNIT)
                        count += 1
            if step == 0:
                if sides[at] > 0:
                    hbt.submit_buy_order(0, order_id, prices[at], qtys[at], hft.GTX, hft.LIMIT, False)
                else:
                    hbt.submit_sell_order(0, order_id, prices[at], qtys[at], hft.GTX, hft.LIMIT, False)
            elif step == 1:
                order = hbt.orders(0).get(order_id)
                if order is not None and order.cancellable:
                    hbt.cancel(0, order_id, False)
        hbt.clear_inactive_orders(0)
    return count


def theirs(feed, orders, model):
    asset = hft.BacktestAsset().data(feed).linear_asset(1.0)
    asset = asset.constant_order_latency(ONE_WAY_NS, ONE_WAY_NS).tick_size(made.TICK).lot_size(UNIT)
    asset = MODELS[model](asset).partial_fill_exchange()
    hbt = hft.HashMapMarketDepthBacktest([asset])
    times = [np.array([int(order[key]) * 1_000 for order in orders]) for key in ("placed_us", "canceled_us")]
    sides = np.array([1 if order["side"] == "buy" else -1 for order in orders])
    prices, qtys = (np.array([float(order[key]) for order in orders]) for key in ("price", "qty"))
    fills = np.zeros((100_000, 3), dtype=np.int64)
    count = play(hbt, *times, sides, prices, qtys, fills)
    assert hbt.current_timestamp > times[0][-1], "hftbacktest stopped on its way"
    hbt.close()
    return [tuple(fill) for fill in fills[:count].tolist()]


def by_order(fills):
    """When how much of an order was filled, by its number."""
    orders = {}
    for number, time, units in fills:
        orders.setdefault(number, []).append((time, units))
    return orders


def total(fills):
    return sum(units for _, _, units in fills)


def filled_at(fills, time):
    """How much of an order was filled at a time."""
    return sum(units for at, units in fills if at <= time)


def show(name, fills, ours):
    """A row of the table in `docs/backtest.md` (`-s` shows it)."""
    mine, other = by_order(ours), by_order(fills)
    same = sum(mine.get(number) == other.get(number) for number in range(1, ORDERS + 1))
    more = sum(sum(units for _, units in other[number]) > filled_at(mine.get(number, []), 2**63) for number in other)
    print(f"| {name} | {len(other)} | {len(fills)} | {total(fills) * UNIT:.3f} | {same} | {more} |")


def test_the_careful_model_fills_what_ours_fills(folder, feed, orders, ours):
    """The one difference: a print beyond an order's price fills all of it there, however small the print; ours fills
    as much as was printed, and the rest with the next prints."""
    fills = theirs(feed, orders, "risk_adverse")
    show("plimsoll", ours, ours)
    show("risk_adverse", fills, ours)
    with open(folder / "made_trades.csv", encoding="ascii") as lines:
        prints = {int(line["timestamp"]) * 1_000: line for line in csv.DictReader(lines)}
    mine, other = by_order(ours), by_order(fills)
    assert ORDERS // 4 < len(mine) < ORDERS, "all or nothing proves little"
    assert set(mine) == set(other)
    for number, order in enumerate(orders, 1):
        if mine.get(number) == other.get(number):
            continue
        # Where they part.
        pairs = enumerate(zip(mine[number], other[number], strict=False))
        at = next((at for at, (one, two) in pairs if one != two))
        (time, units), (their_time, their_units) = mine[number][at], other[number][at]
        printed = prints[time]
        beyond = float(printed["price"]) - float(order["price"])
        leaves = round(float(order["qty"]) / UNIT) - sum(units for _, units in mine[number][:at])
        assert time == their_time
        assert beyond < 0 if order["side"] == "buy" else beyond > 0
        assert units == round(float(printed["amount"]) / UNIT) < leaves == their_units


@pytest.mark.parametrize("model", ["log_prob", "power_prob_2"])
def test_the_others_fill_no_less(feed, orders, ours, model):
    """They let the order move up when others cancel: it is never filled later than ours, and often where ours is not."""
    fills = theirs(feed, orders, model)
    show(model, fills, ours)
    mine, other = by_order(ours), by_order(fills)
    assert set(mine) <= set(other)
    assert total(fills) > total(ours)
    for number, fills_of_ours in mine.items():
        for time, _ in fills_of_ours:
            assert filled_at(other[number], time) >= filled_at(fills_of_ours, time), number
