"""CCXT's coinbase over WebSocket: books, trades, tickers and the account's orders."""

import asyncio

from coinbase_helpers import BTC, ccxt_coinbase, ccxt_maker, ccxt_pro_coinbase, quote


def run(scenario, seconds=60):
    asyncio.run(asyncio.wait_for(scenario, seconds))


async def closing(exchange, scenario):
    try:
        await scenario(exchange)
    finally:
        await exchange.close()


def numbered(exchange):
    """Hears every message, and checks that one counter runs over all of them without a gap."""
    heard, handle = [], exchange.handle_message

    def tap(client, message):
        if "sequence_num" in message:
            assert message["sequence_num"] == len(heard), "one counter, from zero, without a gap"
            heard.append(message)
        return handle(client, message)

    exchange.handle_message = tap
    return heard


def levels(side):
    return [level[:2] for level in side]


def rest_book(exchange):
    """The whole book, asked with a key, whose limit is wider than the public one."""
    found = exchange.v3_private_get_brokerage_product_book({"product_id": "BTC-USD"})["pricebook"]
    side = lambda name: [[float(level["price"]), float(level["size"])] for level in found[name]]
    return {"bids": side("bids"), "asks": side("asks")}


def test_the_book_equals_rest_after_every_change(coinbase):
    maker = ccxt_maker(coinbase)
    quote(maker)

    async def scenario(exchange):
        heard = numbered(exchange)

        async def agrees():
            rest = await asyncio.to_thread(rest_book, maker)
            book = exchange.orderbooks.get(BTC)
            while book is None or levels(book["bids"]) != rest["bids"] or levels(book["asks"]) != rest["asks"]:
                book = await exchange.watch_order_book(BTC)
            return rest

        await exchange.watch_order_book(BTC)
        await agrees()
        for step in range(5):
            maker.create_order(BTC, "limit", "buy", 1, 59_000 + step)
            rest = await agrees()
            assert [59_000.0 + step, 1.0] in rest["bids"]
        maker.cancel_orders([order["id"] for order in maker.fetch_open_orders(BTC)])
        quote(maker, 59_500, 59_600, 3)
        rest = await agrees()
        assert (rest["bids"], rest["asks"]) == ([[59_500.0, 3.0]], [[59_600.0, 3.0]])
        assert {message["channel"] for message in heard} == {"subscriptions", "l2_data"}

    run(closing(ccxt_pro_coinbase(coinbase), scenario))


def test_a_long_run_of_changes_stays_in_sync(busy_coinbase):
    rest = ccxt_coinbase(busy_coinbase)
    rest.load_markets()

    async def scenario(exchange):
        heard, agreed = numbered(exchange), 0
        for _ in range(60):
            book = await exchange.watch_order_book(BTC)
            assert book["bids"][0][0] < book["asks"][0][0]
            found = await asyncio.to_thread(rest_book, rest)
            if levels(book["bids"]) != found["bids"]:
                book = await exchange.watch_order_book(BTC)
            agreed += levels(book["bids"]) == found["bids"]
            await asyncio.sleep(0.04)
        assert agreed >= 5, "of sixty looks at a moving book some fall into a quiet moment"
        assert len(heard) > 60

    run(closing(ccxt_pro_coinbase(busy_coinbase), scenario))


def test_every_public_stream(busy_coinbase):
    rest = ccxt_coinbase(busy_coinbase)

    async def scenario(exchange):
        trades = await exchange.watch_trades(BTC)
        known = {trade["id"]: trade for trade in rest.fetch_trades(BTC, limit=1000)}
        assert len(trades) > 0 and all(trade["id"] in known for trade in trades)
        for trade in trades:
            for word in ("price", "amount", "side"):
                assert trade[word] == known[trade["id"]][word]
        ticker = await exchange.watch_ticker(BTC)
        assert ticker["low"] <= ticker["last"] <= ticker["high"], ticker
        assert ticker["bid"] < ticker["ask"]
        batch = await exchange.watch_tickers([BTC])
        assert batch[BTC]["last"] > 0 and batch[BTC]["bid"] is None

    run(closing(ccxt_pro_coinbase(busy_coinbase), scenario))


def test_trades_come_once_each_and_in_order(busy_coinbase):
    async def scenario(exchange):
        heard = numbered(exchange)
        for _ in range(8):
            await exchange.watch_trades(BTC)
        ids = []
        for message in heard:
            for event in message["events"]:
                news = [int(trade["trade_id"]) for trade in event.get("trades", [])]
                assert news == sorted(news, reverse=True), "newest first"
                ids += news[::-1]
        assert ids == list(range(ids[0], ids[0] + len(ids))), "none twice, none missing"

    run(closing(ccxt_pro_coinbase(busy_coinbase), scenario))


def test_orders_and_fills_as_they_happen(coinbase):
    maker, rest = ccxt_maker(coinbase), ccxt_coinbase(coinbase)
    quote(maker)
    before = rest.create_order(BTC, "limit", "buy", 0.01, 58_000)

    async def scenario(exchange):
        heard = numbered(exchange)
        orders = await exchange.watch_orders(BTC)
        assert [order["id"] for order in orders] == [before["id"]], "what was open comes first"

        async def agrees(order_id, status):
            """Waits until the channel says so, and compares the order with what REST has."""
            while True:
                told = [
                    order
                    for message in heard
                    for event in message["events"]
                    for order in event.get("orders", [])
                    if order["order_id"] == order_id
                ]
                if told and told[-1]["status"] == status:
                    break
                await exchange.watch_orders(BTC)
            found = (await asyncio.to_thread(rest.fetch_order, order_id))["info"]
            for ours, theirs in [
                ("cumulative_quantity", "filled_size"),
                ("avg_price", "average_filled_price"),
                ("total_fees", "total_fees"),
                ("number_of_fills", "number_of_fills"),
                ("status", "status"),
                ("outstanding_hold_amount", "outstanding_hold_amount"),
                ("completion_percentage", "completion_percentage"),
                ("total_value_after_fees", "total_value_after_fees"),
            ]:
                assert told[-1][ours] == found[theirs], ours
            return told

        bought = await asyncio.to_thread(rest.create_order, BTC, "limit", "buy", 0.1, 60_010)
        told = await agrees(bought["id"], "FILLED")
        assert [order["status"] for order in told] == ["OPEN", "FILLED"]
        resting = await asyncio.to_thread(rest.create_order, BTC, "limit", "sell", 0.05, 60_500)
        await agrees(resting["id"], "OPEN")
        maker.create_order(BTC, "limit", "buy", 2, 60_500)
        told = await agrees(resting["id"], "FILLED")
        assert [order["cumulative_quantity"] for order in told] == ["0", "0.05"]
        await asyncio.to_thread(rest.cancel_order, before["id"])
        told = await agrees(before["id"], "CANCELLED")
        assert told[-1]["leaves_quantity"] == "0"

        fees = sum(fill["fee"]["cost"] for fill in rest.fetch_my_trades(BTC))
        assert abs(fees - (60_010 * 0.1 * 0.002 + 60_500 * 0.05 * 0.001)) < 1e-9
        usd = rest.fetch_balance()["USD"]
        assert usd["used"] == 0.0
        assert abs(usd["total"] - (10_000 - 6_001 + 3_025 - fees)) < 1e-6

    run(closing(ccxt_pro_coinbase(coinbase), scenario))


def test_who_listens_must_be_known(coinbase):
    async def scenario(exchange):
        exchange.options["wsToken"] = "not.a.token"
        exchange.options["wsTokenTimestamp"] = exchange.seconds()
        heard, handle = asyncio.Queue(), exchange.handle_message

        def tap(client, message):
            heard.put_nowait(message)
            return handle(client, message)

        exchange.handle_message = tap
        watching = asyncio.create_task(exchange.watch_orders(BTC))
        # The client raises this where nobody can catch it; what it heard is compared instead.
        assert await heard.get() == {"type": "error", "message": "authentication failure"}
        watching.cancel()

    run(closing(ccxt_pro_coinbase(coinbase), scenario))


def test_leaving_a_channel(busy_coinbase):
    async def scenario(exchange):
        heard = numbered(exchange)
        await exchange.watch_order_book(BTC)
        await exchange.un_watch_order_book(BTC)
        assert heard[-1]["events"] == [{"subscriptions": {}}]
        count = len(heard)
        await asyncio.sleep(1)
        assert len(heard) == count, "nothing more is said"

    run(closing(ccxt_pro_coinbase(busy_coinbase), scenario))
