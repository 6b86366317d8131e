"""A tape through an EMA cross, against nautilus_trader: both event by event, through a whole order path.

Both look at every trade and hold one unit while the fast average is above the slow one. nautilus_trader's strategy is
Python with its compiled averages, as its users write them.
"""

from decimal import Decimal

import nautilus_trader
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model import Money, TraderId, Venue
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.persistence.wranglers import TradeTickDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

import bench
import made
import ours

COUNT = 2_000_000
FAST, SLOW = 500, 2_000


class EmaCross(Strategy):
    def __init__(self, instrument):
        super().__init__()
        self.instrument = instrument
        self.fast, self.slow = ExponentialMovingAverage(FAST), ExponentialMovingAverage(SLOW)
        self.qty = instrument.make_qty(Decimal(1))
        self.orders = 0

    def on_start(self):
        self.subscribe_trade_ticks(self.instrument.id)

    def on_trade_tick(self, tick):
        price = tick.price.as_double()
        self.fast.update_raw(price)
        self.slow.update_raw(price)
        if not self.slow.initialized:
            return
        is_above = self.fast.value > self.slow.value
        if is_above and self.portfolio.is_flat(self.instrument.id):
            self.take(OrderSide.BUY)
        elif not is_above and self.portfolio.is_net_long(self.instrument.id):
            self.take(OrderSide.SELL)

    def take(self, side):
        self.orders += 1
        self.submit_order(self.order_factory.market(self.instrument.id, side, self.qty))


def nautilus(instrument, ticks):
    config = BacktestEngineConfig(trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True))
    engine = BacktestEngine(config)
    engine.add_venue(
        venue=Venue("BINANCE"), oms_type=OmsType.NETTING, account_type=AccountType.CASH, base_currency=None,
        starting_balances=[Money(1_000_000_000, USDT), Money(1_000, BTC)], trade_execution=True,
    )
    engine.add_instrument(instrument)
    engine.add_data(ticks, sort=False)
    strategy = EmaCross(instrument)
    engine.add_strategy(strategy)
    seconds, _ = bench.best(engine.run, runs=1)
    fills = sum(order.is_closed and order.filled_qty > 0 for order in engine.cache.orders())
    engine.dispose()
    return seconds, strategy.orders, fills


def main():
    folder = bench.folder()
    source = folder / "trades.csv"
    made.trades(source, COUNT, seed=9)
    data = ours.imported(source, folder / "trades.parquet", "--instrument", "BTC-USDT")
    frame = pd.read_csv(source)
    frame.index = pd.to_datetime(frame.timestamp, unit="us", utc=True)
    frame = frame.rename(columns={"amount": "quantity", "id": "trade_id"})[["price", "quantity", "side", "trade_id"]]
    instrument = TestInstrumentProvider.btcusdt_binance()
    ticks = TradeTickDataWrangler(instrument).process(frame)
    bench.one_core()
    table = bench.Table(f"trades, ema-cross {FAST}/{SLOW}", COUNT, "trades")
    seconds, report = bench.best_of_ours(
        "--data", data, "--agent", "ema-cross", "--cash", "1000000000 USDT,1000 BTC",
        *ours.params(fast=FAST, slow=SLOW, qty=1, slippage_bps=900, sample_ms=1),
    )
    table.row("plimsoll", seconds, report["orders"], report["fills"])
    # Twice is enough to tell: it takes long and compiles nothing.
    seconds, orders, fills = min(nautilus(instrument, ticks) for _ in range(2))
    table.row(f"nautilus_trader {nautilus_trader.__version__}", seconds, orders, fills)


if __name__ == "__main__":
    main()
