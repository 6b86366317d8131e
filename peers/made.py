"""Market data that is made from a seed: the same bytes on every machine, and committed nowhere.

Prices, quantities and times are whole numbers until they are written, so no file depends on how a machine rounds.
"""

import csv

import numpy as np

# Prices in dimes and lots of a thousandth, as at a large exchange.
TICK, LOT = 0.1, 0.001
LEVELS = 20
BEGIN_S = 1_700_000_000 // 60 * 60


def price(ticks):
    return f"{ticks // 10}.{ticks % 10}"


def qty(lots):
    return f"{lots // 1000}.{lots % 1000:03}"


def bars(path, count, seed):
    """Minutes that do not always open where the last one closed, and of which one in a thousand is missing."""
    random = np.random.RandomState(seed)
    body = random.randint(-60, 61, size=count)
    gap = random.randint(-3, 4, size=count)
    close = 500_000 + np.cumsum(body + gap)
    # A walk that comes near zero is of no use, so that it is turned back there.
    close = 200_000 + np.abs(close - 200_000)
    start = np.concatenate([[500_000], close[:-1]]) + gap
    high = np.maximum(start, close) + random.randint(0, 30, size=count)
    low = np.minimum(start, close) - random.randint(0, 30, size=count)
    volume = random.randint(1, 100_000, size=count)
    there = random.randint(0, 1000, size=count) > 0
    with open(path, "w", encoding="ascii") as out:
        out.write("time,open,high,low,close,volume\n")
        rows = zip(start.tolist(), high.tolist(), low.tolist(), close.tolist(), volume.tolist(), there.tolist())
        for number, (o, h, l, c, v, is_there) in enumerate(rows):
            if is_there:
                out.write(f"{BEGIN_S + 60 * number},{price(o)},{price(h)},{price(l)},{price(c)},{qty(v)}\n")


def trades(path, count, seed):
    """A tape, in the layout of Tardis, a few milliseconds between two trades."""
    random = np.random.RandomState(seed)
    at = BEGIN_S * 1_000_000 + np.cumsum(random.randint(1_000, 200_000, size=count))
    walk = 200_000 + np.abs(300_000 + np.cumsum(random.randint(-5, 6, size=count)))
    lots = random.randint(1, 5_000, size=count)
    is_buy = random.randint(0, 2, size=count)
    with open(path, "w", encoding="ascii") as out:
        out.write("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
        rows = zip(at.tolist(), walk.tolist(), lots.tolist(), is_buy.tolist())
        for number, (time, ticks, size, buy) in enumerate(rows, 1):
            side = "buy" if buy else "sell"
            out.write(f"made,BTCUSDT,{time},{time},{number},{side},{price(ticks)},{qty(size)}\n")


class Book:
    """A book that people quote in, cancel in and take from, written down in the layout of Tardis.

    A trade comes a millisecond before the change of the level that it took from, and no two rows of different
    messages have one time, so that nothing depends on how ties are broken.
    """

    def __init__(self, folder, seed):
        self.random = np.random.RandomState(seed)
        self.drawn = iter(())
        self.at = BEGIN_S * 1_000_000
        self.best = {"bid": 600_000, "ask": 600_001}
        self.levels = {"bid": {}, "ask": {}}
        self.rows = 0
        self.number = 0
        self.book = open(folder / "made_incremental_book_L2.csv", "w", encoding="ascii")
        self.book.write("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n")
        self.tape = open(folder / "made_trades.csv", "w", encoding="ascii")
        self.tape.write("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
        for side in ("bid", "ask"):
            for depth in range(LEVELS):
                self.set(side, self.deep(side, depth), self.draw(100, 3_000), is_snapshot=True)

    def draw(self, low, high):
        """One of low..high-1. Numbers are drawn many at a time: one at a time takes most of the time."""
        number = next(self.drawn, None)
        if number is None:
            self.drawn = iter(self.random.randint(0, 2**31 - 1, size=65_536).tolist())
            number = next(self.drawn)
        return low + number % (high - low)

    def deep(self, side, depth):
        return self.best[side] - depth if side == "bid" else self.best[side] + depth

    def set(self, side, ticks, lots, is_snapshot=False):
        if lots:
            self.levels[side][ticks] = lots
        else:
            self.levels[side].pop(ticks, None)
        flag = "true" if is_snapshot else "false"
        self.book.write(f"made,BTCUSDT,{self.at},{self.at},{flag},{side},{price(ticks)},{qty(lots)}\n")
        self.rows += 1

    def step(self):
        """Something happens: mostly somebody quotes or cancels, sometimes somebody takes."""
        self.at += self.draw(1, 9) * 1_000
        side = "bid" if self.draw(0, 2) else "ask"
        what = self.draw(0, 100)
        if what < 20:
            self.take(side)
        elif what < 35:
            self.improve(side)
        else:
            self.change(side)

    def change(self, side):
        # Near the best price more happens.
        depth = min(self.draw(0, LEVELS), self.draw(0, LEVELS), self.draw(0, LEVELS))
        ticks = self.deep(side, depth)
        lots = self.levels[side].get(ticks, 0)
        if lots > 200 and self.draw(0, 2):
            # Not to nothing: a level at the best price would have to move it.
            self.set(side, ticks, lots - self.draw(1, lots))
        else:
            self.set(side, ticks, lots + self.draw(1, 800))

    def take(self, side):
        ticks = self.best[side]
        lots = self.levels[side][ticks]
        taken = min(lots, self.draw(1, 1_500))
        self.number += 1
        taker = "sell" if side == "bid" else "buy"
        self.tape.write(f"made,BTCUSDT,{self.at},{self.at},{self.number},{taker},{price(ticks)},{qty(taken)}\n")
        self.rows += 1
        self.at += 1_000
        self.set(side, ticks, lots - taken)
        if taken == lots:
            self.best[side] = self.deep(side, 1)
            if self.best[side] not in self.levels[side]:
                self.set(side, self.best[side], self.draw(100, 3_000))

    def improve(self, side):
        """Somebody quotes a better price, where there is room between bid and ask."""
        if self.best["ask"] - self.best["bid"] > 1:
            self.best[side] = self.deep(side, -1)
            self.set(side, self.best[side], self.draw(100, 3_000))

    def close(self):
        self.book.close()
        self.tape.close()


def book(folder, rows, seed):
    """A book and its tape with about so many rows together; returns how many."""
    made = Book(folder, seed)
    while made.rows < rows:
        made.step()
    made.close()
    return made.rows


def script(folder, orders, seed):
    """A book, its tape, and orders for it: one at a time, at or a little behind the best price, each with the time
    at which it is placed and the time at which it is taken back.

    Orders end with half a lot of the tape's. So no print fills the last of one exactly: hftbacktest 2.4.4 keeps an
    order that is filled so, wants to fill it again, and stops there with error 14.
    """
    made = Book(folder, seed)
    wanted = []
    while len(wanted) < orders:
        for _ in range(made.draw(50, 100)):
            made.step()
        made.at += 1_000
        made.change("bid")
        side = "bid" if made.draw(0, 2) else "ask"
        ticks = made.deep(side, made.draw(0, 3))
        placed, lots = made.at, made.draw(3, 400)
        for _ in range(made.draw(20, 300)):
            made.step()
        made.at += 1_000
        made.change("ask")
        wanted.append({
            "number": len(wanted) + 1, "side": "buy" if side == "bid" else "sell", "price": price(ticks),
            "qty": qty(lots) + "5", "placed_us": placed, "canceled_us": made.at,
        })
    made.close()
    with open(folder / "orders.csv", "w", encoding="ascii", newline="") as out:
        writer = csv.DictWriter(out, wanted[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(wanted)
