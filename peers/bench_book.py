"""An L2 book and its tape, replayed alone and through a market maker, against hftbacktest.

The market makers are alike and not equal: both quote each side around the middle once a second, moved by what they
hold, and take a quote back when it is elsewhere. Ours passes every guardrail with every order and is asked at every
row; theirs is compiled by numba and asked once a second, the way its tutorials do it.
"""

import hftbacktest as hft
import numpy as np
from hftbacktest.data.utils import tardis
from numba import njit

import bench
import made
import ours

ROWS = 3_000_000
SECOND_NS = 1_000_000_000
HALF_SPREAD, SKEW = 0.1e-4, 0.01e-4
HELD_MAX = 20
# Half a lot of the tape more than ours: otherwise its partial fills stop on the way (`made.script`).
QTY, LOT = 0.0105, 0.0001


@njit
def replay(hbt):
    while hbt.elapse(10 * SECOND_NS) == 0:
        pass
    return hbt.current_timestamp


@njit
def make_market(hbt):
    """Orders placed and the last time."""
    orders = 0
    tick = 0.1
    ids = np.zeros(2, dtype=np.int64)
    while hbt.elapse(SECOND_NS) == 0:
        depth = hbt.depth(0)
        hbt.clear_inactive_orders(0)
        if depth.best_bid_tick <= 0 or depth.best_ask_tick >= 2_000_000_000:
            continue
        middle = (depth.best_bid + depth.best_ask) / 2
        held = hbt.position(0) / QTY
        for side in range(2):
            away = -HALF_SPREAD if side == 0 else HALF_SPREAD
            more = held if side == 0 else -held
            price = middle * (1 + away - SKEW * held)
            if side == 0:
                ticks = min(np.floor(price / tick), depth.best_ask_tick - 1)
            else:
                ticks = max(np.ceil(price / tick), depth.best_bid_tick + 1)
            order = hbt.orders(0).get(ids[side])
            if order is not None:
                if order.price_tick == ticks and more < HELD_MAX:
                    continue
                if order.cancellable:
                    hbt.cancel(0, ids[side], False)
            if more >= HELD_MAX:
                continue
            orders += 1
            ids[side] = orders
            if side == 0:
                hbt.submit_buy_order(0, orders, ticks * tick, QTY, hft.GTX, hft.LIMIT, False)
            else:
                hbt.submit_sell_order(0, orders, ticks * tick, QTY, hft.GTX, hft.LIMIT, False)
    return orders, hbt.current_timestamp


def started(feed, is_partial, is_roi=True):
    asset = hft.BacktestAsset().data(feed).linear_asset(1.0).constant_order_latency(0, 0)
    asset = asset.risk_adverse_queue_model().tick_size(made.TICK).lot_size(LOT)
    asset = asset.partial_fill_exchange() if is_partial else asset.no_partial_fill_exchange()
    if is_roi:
        # Its fastest book, an array over a range of prices.
        asset = asset.roi_lb(40_000.0).roi_ub(80_000.0)
        return hft.ROIVectorMarketDepthBacktest([asset])
    return hft.HashMapMarketDepthBacktest([asset])


def main():
    folder = bench.folder()
    made.book(folder, ROWS, seed=5)
    names = ["made_trades.csv", "made_incremental_book_L2.csv"]
    data = []
    for name in names:
        data.append(ours.imported(folder / name, folder / f"{name}.parquet", "--instrument", "BTC-USDT"))
    feed = tardis.convert([str(folder / name) for name in names], buffer_size=ROWS + 100_000)
    last = int(feed["exch_ts"][-1])
    bench.one_core()
    common = ["--data", *data, "--cash", "100000000 USDT,1000 BTC"]

    idle = ours.params(fast=99_999, slow=100_000, sample_ms=86_400_000)
    table = bench.Table("L2 and trades, replay alone", len(feed), "rows")
    seconds, report = bench.best_of_ours(*common, "--agent", "ema-cross", *idle)
    table.row("plimsoll", seconds, report["orders"], report["fills"])
    for is_roi in (True, False):
        compare(table, feed, last, replay, False, is_roi)

    maker = ours.params(half_spread_bps=0.1, skew_bps=0.01, qty=0.01, requote_every=1000, quotes_held_max=HELD_MAX)
    table = bench.Table("L2 and trades, market-maker", len(feed), "rows")
    seconds, report = bench.best_of_ours(*common, "--agent", "market-maker", *maker)
    table.row("plimsoll, queue, parts", seconds, report["orders"], report["fills"])
    for is_partial in (True, False):
        compare(table, feed, last, make_market, is_partial, True)


def compare(table, feed, last, play, is_partial, is_roi):
    name = f"hftbacktest {hft.__version__}, {'array' if is_roi else 'hash map'}, {'parts' if is_partial else 'whole'}"
    best, orders, fills, stopped = float("inf"), 0, 0, ""
    # The first run compiles.
    for number in range(bench.RUNS + 1):
        hbt = started(feed, is_partial, is_roi)
        seconds, result = bench.best(lambda hbt=hbt: play(hbt), runs=1)
        orders, at = result if isinstance(result, tuple) else (0, result)
        if last - at > 60 * SECOND_NS:
            part = (at - int(feed["exch_ts"][0])) / (last - int(feed["exch_ts"][0]))
            stopped = f" (stopped at {part:.1%})"
            seconds /= part
        fills = int(hbt.state_values(0).num_trades)
        if number > 0:
            best = min(best, seconds)
        hbt.close()
    table.row(name + stopped, best, orders, fills)


if __name__ == "__main__":
    main()
