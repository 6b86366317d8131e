"""CCXT's kraken over WebSocket: books with their checksums, trades, tickers and the account."""

import asyncio
import zlib

from kraken_helpers import BTC, ccxt_kraken, ccxt_maker, ccxt_pro_kraken, quote


def run(scenario, seconds=60):
    asyncio.run(asyncio.wait_for(scenario, seconds))


async def closing(exchange, scenario):
    try:
        await scenario(exchange)
    finally:
        await exchange.close()


def levels(side):
    return [level[:2] for level in side]


def rest_book(exchange, depth=10):
    book = exchange.fetch_order_book(BTC, depth)
    return {"bids": levels(book["bids"]), "asks": levels(book["asks"])}


def checksum(book, decimals=(2, 8)):
    """As the guide says: digits without the point and without leading zeros."""
    text = ""
    for price, qty in levels(book["asks"])[:10] + levels(book["bids"])[:10]:
        for number, places in ((price, decimals[0]), (qty, decimals[1])):
            text += f"{number:.{places}f}".replace(".", "").lstrip("0")
    return zlib.crc32(text.encode())


def test_the_book_equals_rest_after_every_change(kraken):
    maker = ccxt_maker(kraken)
    quote(maker)

    async def scenario(exchange):
        sums, handle = [], exchange.handle_message

        def tap(client, message):
            handled = handle(client, message)
            if message.get("channel") == "book":
                told = message["data"][0]
                sums.append((checksum(exchange.orderbooks[BTC]), told["checksum"]))
            return handled

        exchange.handle_message = tap

        async def agrees():
            rest = await asyncio.to_thread(rest_book, maker)
            book = exchange.orderbooks.get(BTC)
            while book is None or levels(book["bids"]) != rest["bids"] or levels(book["asks"]) != rest["asks"]:
                book = await exchange.watch_order_book(BTC)
            return rest

        await exchange.watch_order_book(BTC)
        await agrees()
        # More than ten levels: one is pushed out, and comes back.
        for step in range(12):
            maker.create_order(BTC, "limit", "buy", 1, 59_000 + step)
        rest = await agrees()
        assert len(rest["bids"]) == 10 and rest["bids"][0] == [59_990.0, 2.0]
        maker.cancel_all_orders()
        quote(maker, 59_500, 59_600, 3)
        rest = await agrees()
        assert (rest["bids"], rest["asks"]) == ([[59_500.0, 3.0]], [[59_600.0, 3.0]])
        assert len(sums) >= 3 and all(ours == told for ours, told in sums), sums

    run(closing(ccxt_pro_kraken(kraken), scenario))


def test_every_public_stream(busy_kraken):
    rest = ccxt_kraken(busy_kraken)

    async def scenario(exchange):
        trades = await exchange.watch_trades(BTC)
        known = {trade["timestamp"]: trade for trade in rest.fetch_trades(BTC, limit=1000)}
        assert len(trades) > 0 and all(trade["price"] > 0 for trade in trades)
        assert any(trade["timestamp"] in known for trade in trades)
        ticker = await exchange.watch_ticker(BTC)
        assert ticker["low"] <= ticker["last"] <= ticker["high"], ticker
        assert ticker["bid"] < ticker["ask"]
        candles = await exchange.watch_ohlcv(BTC, "1m")
        assert candles and candles[-1][2] >= candles[-1][3]
        book = await exchange.watch_order_book(BTC, 25)
        assert len(book["bids"]) == 20, "all that the market has"

    run(closing(ccxt_pro_kraken(busy_kraken), scenario))


def test_the_account_is_told_what_happens(kraken):
    maker = ccxt_maker(kraken)
    quote(maker)

    async def scenario(exchange):
        reports, handle = [], exchange.handle_message

        def tap(client, message):
            if message.get("channel") == "executions":
                reports.append(message)
            return handle(client, message)

        exchange.handle_message = tap
        rest = ccxt_kraken(kraken)
        first = await exchange.watch_balance()
        assert (first["USD"]["total"], first["BTC"]["total"]) == (10_000.0, 1.0)
        watching = asyncio.ensure_future(exchange.watch_orders(BTC))
        await asyncio.sleep(0.5)
        placed = await exchange.create_order_ws(BTC, "limit", "buy", 0.01, 59_000)
        await watching
        await exchange.cancel_order_ws(placed["id"])
        bought = await asyncio.to_thread(rest.create_order, BTC, "limit", "buy", 0.02, 60_010)
        for _ in range(50):
            if exchange.myTrades:
                break
            await asyncio.sleep(0.1)
        trade = exchange.myTrades[-1]
        assert (trade["order"], trade["price"], trade["amount"]) == (bought["id"], 60_010.0, 0.02)
        assert trade["fee"] == {"cost": 2.4004, "currency": "USD"}
        numbers = [report["sequence"] for report in reports]
        assert numbers == list(range(1, len(numbers) + 1)), "one counter, from one, without a gap"
        kinds = [(row["order_id"], row["exec_type"]) for r in reports for row in r["data"]]
        mine = [kind for order, kind in kinds if order == placed["id"]]
        assert mine == ["pending_new", "new", "canceled"]
        assert [kind for order, kind in kinds if order == bought["id"]] == [
            "pending_new", "new", "trade", "filled",
        ]
        held = exchange.balance["spot"]
        assert held["BTC"]["total"] == 1.02 and round(held["USD"]["total"], 4) == 8797.3996

    run(closing(ccxt_pro_kraken(kraken), scenario))
