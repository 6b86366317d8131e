"""`ema-cross` on bars against vectorbt and backtesting.py: the same executions, fees and equity.

What all three are told: averages over the closes, decided on a close, done at the next bar's open, a fixed quantity,
long or flat, fees in the quote asset. The averages are reckoned here by pandas and not by us. Our strategy sees one
price more than the closes, the very first open, and it counts as a sample: it is put before the closes.
"""

import os
from pathlib import Path

import backtesting
import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt

import made
import ours

FEE = 0.00075
CASH = 1_000_000
QTY = 1
# A year of minutes of a real exchange, where there is one.
REAL = Path(os.environ.get("PLIMSOLL_DATA", Path(__file__).parents[2] / "shared/data")) / "ohlcv/bitmex_XBTUSD_1m_2018.csv.gz"
# What is equal is equal to the rounding of binary numbers.
CLOSE = 1e-9


class Case:
    """A file of bars, what `plimsoll` did on it, and what others have to be told to do the same."""

    def __init__(self, folder, source, fast, slow, fill="queue"):
        self.frame = pd.read_csv(source)
        self.frame.columns = ["time", "open", "high", "low", "close", "volume"]
        self.frame.index = pd.to_datetime(self.frame.pop("time"), unit="s")
        data = ours.imported(source, folder / "bars.parquet", "--instrument", "XBT-USD")
        journal = folder / f"journal-{fast}-{slow}.jsonl"
        self.report = ours.backtest(
            "--data", data, "--agent", "ema-cross", "--cash", f"{CASH} USD", "--taker-bps", "7.5", "--fill", fill,
            *ours.params(fast=fast, slow=slow, qty=QTY, slippage_bps=900), "--fees-in", "quote", "--journal", journal,
        )
        self.fills = pd.DataFrame(
            (
                {
                    "time": pd.Timestamp(fill["venue_time"]), "side": 1 if fill["side"] == "buy" else -1,
                    "price": float(fill["price"]), "qty": float(fill["qty"]), "fee": float(fill["fee"]["amount"]),
                }
                for fill in ours.fills_of(journal)
            ),
            columns=["time", "side", "price", "qty", "fee"],
        )
        self.wanted = self.signal(fast, slow)

    def signal(self, fast, slow):
        """For each close, whether `ema-cross` then wants to be long."""
        samples = pd.Series(np.concatenate([[self.frame.open.iloc[0]], self.frame.close]))
        average = {length: samples.ewm(span=length, adjust=False).mean().to_numpy()[1:] for length in (fast, slow)}
        is_warm = np.arange(2, len(self.frame) + 2) >= slow
        return (average[fast] > average[slow]) & is_warm

    def same_fills(self, theirs):
        assert len(self.fills) == len(theirs) == self.report["fills"]
        assert len(theirs) > 100, "too few to prove anything"
        assert list(self.fills.time) == list(theirs.time)
        assert list(self.fills.side) == list(theirs.side)
        for column in ("price", "qty", "fee"):
            np.testing.assert_allclose(self.fills[column], theirs[column], rtol=CLOSE, err_msg=column)

    def same_money(self, equity, fees):
        assert self.report["final_equity"] == pytest.approx(equity, rel=CLOSE)
        assert self.report["fees_paid"] == pytest.approx(fees, rel=CLOSE)
        assert self.report["total_return"] == pytest.approx(equity / CASH - 1, rel=1e-6)


@pytest.fixture(scope="module", params=["made-10-30", "made-3-8", "real-10-30", "real-60-240"])
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    kind, fast, slow = request.param.split("-")
    source = REAL
    if kind == "made":
        source = folder / "made.csv"
        made.bars(source, 50_000, seed=7)
    elif not REAL.exists():
        pytest.skip(f"no real bars: {REAL} is not there (PLIMSOLL_DATA names the folder)")
    return Case(folder, source, int(fast), int(slow))


def test_vectorbt(case):
    held = pd.Series(case.wanted).shift(1, fill_value=False).astype(int)
    size = held.diff().fillna(held.iloc[0]).to_numpy() * QTY
    size[size == 0] = np.nan
    frame = case.frame
    portfolio = vbt.Portfolio.from_orders(
        frame.close, size=size, price=frame.open, fees=FEE, init_cash=CASH, freq="1min",
    )
    records = portfolio.orders.values
    theirs = pd.DataFrame({
        "time": frame.index[records["idx"]], "side": np.where(records["side"] == 0, 1, -1),
        "price": records["price"], "qty": records["size"], "fee": records["fees"],
    })
    case.same_fills(theirs)
    case.same_money(portfolio.value().iloc[-1], records["fees"].sum())


def test_backtesting_py(case):
    class EmaCross(backtesting.Strategy):
        def init(self):
            self.wanted = self.I(lambda: case.wanted.astype(float), name="wanted")

        def next(self):
            if self.wanted[-1] and not self.position:
                self.buy(size=QTY)
            elif not self.wanted[-1] and self.position:
                self.position.close()

    frame = case.frame.rename(columns=str.capitalize)
    run = backtesting.Backtest(frame, EmaCross, cash=CASH, commission=FEE, trade_on_close=False)
    # It does not begin before its second bar; nothing is wanted so early.
    assert not case.wanted[:2].any()
    stats = run.run()
    trades = [*stats._strategy.closed_trades, *stats._strategy.trades]
    theirs = []
    for trade in trades:
        done = [(trade.entry_bar, 1, trade.entry_price)]
        if trade.exit_bar is not None:
            done.append((trade.exit_bar, -1, trade.exit_price))
        for bar, side, price in done:
            fee = FEE * price * abs(trade.size)
            theirs.append({"time": frame.index[bar], "side": side, "price": price, "qty": abs(trade.size), "fee": fee})
    case.same_fills(pd.DataFrame(theirs))
    open_fees = sum(FEE * trade.entry_price * abs(trade.size) for trade in stats._strategy.trades)
    case.same_money(stats._equity_curve.Equity.iloc[-1], stats["Commissions [$]"] + open_fees)
