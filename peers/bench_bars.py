"""Bars through `ema-cross`, against vectorbt (both of its engines) and backtesting.py."""

import warnings

import backtesting
import numpy as np
import pandas as pd
import vectorbt as vbt

import bench
import made
import ours

COUNT = 2_000_000
FEE = 0.00075
CASH = 100_000_000


def main():
    folder = bench.folder()
    source, data = folder / "bars.csv", folder / "bars.parquet"
    made.bars(source, COUNT, seed=3)
    ours.imported(source, data, "--instrument", "BTC-USD")
    frame = pd.read_csv(source)
    frame.index = pd.to_datetime(frame.pop("time"), unit="s")
    bench.one_core()
    # Its progress bar is in the way of the table.
    backtesting.backtesting._tqdm = lambda bars, **_: bars
    for fast, slow in ((60, 240), (10, 30)):
        compare(frame, data, fast, slow)


def compare(frame, data, fast, slow):
    table = bench.Table(f"bars, ema-cross {fast}/{slow}", len(frame), "bars")
    seconds, report = bench.best_of_ours(
        "--data", data, "--agent", "ema-cross", "--cash", f"{CASH} USD", "--taker-bps", "7.5", "--fees-in", "quote",
        *ours.params(fast=fast, slow=slow, qty=1, slippage_bps=900),
    )
    table.row("plimsoll, event by event", seconds, report["orders"], report["fills"])

    def vectorised(engine):
        wanted = vbt.MA.run(frame.close, fast, ewm=True).ma > vbt.MA.run(frame.close, slow, ewm=True).ma
        held = np.concatenate([[False], wanted.to_numpy()[:-1]]).astype(np.int8)
        held[: slow] = 0
        size = np.diff(held, prepend=np.int8(0)).astype(float)
        size[size == 0] = np.nan
        portfolio = vbt.Portfolio.from_orders(
            frame.close, size=size, price=frame.open, fees=FEE, init_cash=CASH, freq="1min", engine=engine,
        )
        portfolio.final_value()
        return len(portfolio.orders.values)

    for engine in ("rust", "numba"):
        vectorised(engine)
        seconds, orders = bench.best(lambda engine=engine: vectorised(engine))
        table.row(f"vectorbt {vbt.__version__}, {engine}, vectorised", seconds, orders, orders)

    class EmaCross(backtesting.Strategy):
        def init(self):
            close = self.data.Close.s
            average = [close.ewm(span=length, adjust=False).mean().to_numpy() for length in (fast, slow)]
            self.wanted = self.I(lambda: (average[0] > average[1]).astype(float))

        def next(self):
            if len(self.data) < slow:
                return
            if self.wanted[-1] and not self.position:
                self.buy(size=1)
            elif not self.wanted[-1] and self.position:
                self.position.close()

    run = backtesting.Backtest(
        frame.rename(columns=str.capitalize), EmaCross, cash=CASH, commission=FEE, trade_on_close=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds, stats = bench.best(run.run, runs=1)
    trades = 2 * len(stats._strategy.closed_trades) + len(stats._strategy.trades)
    table.row(f"backtesting.py {backtesting.__version__}, event by event", seconds, trades, trades)


if __name__ == "__main__":
    main()
