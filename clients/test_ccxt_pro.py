"""CCXT's WebSocket side: market streams, the account's events, orders over the WebSocket API."""

import asyncio

import ccxt

from helpers import ccxt_binance, ccxt_maker, ccxt_pro, quote

BTC = "BTC/USDT"


def run(scenario, seconds=60):
    asyncio.run(asyncio.wait_for(scenario, seconds))


async def closing(exchange, scenario):
    try:
        await scenario(exchange)
    finally:
        await exchange.close()


def test_the_book_equals_rest_in_a_quiet_moment(venue):
    maker = ccxt_maker(venue)
    quote(maker)

    async def scenario(exchange):
        book = await exchange.watch_order_book(BTC)
        for step in range(5):
            maker.create_order(BTC, "limit", "buy", 1, 59_000 + step)
            book = await exchange.watch_order_book(BTC)
        maker.cancel_all_orders(BTC)
        quote(maker, 59_500, 59_600, 3)
        rest = maker.fetch_order_book(BTC, 1000)
        while book["nonce"] != rest["nonce"]:
            book = await exchange.watch_order_book(BTC)
        assert [level[:2] for level in book["bids"]] == rest["bids"] == [[59_500.0, 3.0]]
        assert [level[:2] for level in book["asks"]] == rest["asks"] == [[59_600.0, 3.0]]

    run(closing(ccxt_pro(venue), scenario))


def test_a_long_run_of_changes_stays_in_sync(busy_venue):
    rest = ccxt_binance(busy_venue)

    async def scenario(exchange):
        agreed = 0
        for _ in range(60):
            book = await exchange.watch_order_book(BTC)
            assert book["bids"][0][0] < book["asks"][0][0]
            snapshot = await asyncio.to_thread(rest.fetch_order_book, BTC, 1000)
            if snapshot["nonce"] == book["nonce"]:
                assert [level[:2] for level in book["bids"]][:20] == snapshot["bids"][:20]
                agreed += 1
        assert exchange.orderbooks[BTC]["nonce"]

    run(closing(ccxt_pro(busy_venue), scenario))


def test_every_public_stream(busy_venue):
    async def scenario(exchange):
        trades = await exchange.watch_trades(BTC)
        assert trades[0]["price"] > 0
        ticker = await exchange.watch_ticker(BTC)
        assert ticker["low"] <= ticker["last"] <= ticker["high"], ticker
        candles = await exchange.watch_ohlcv(BTC, "1m")
        assert candles[-1][2] >= candles[-1][3]
        await asyncio.sleep(1.1)  # five messages a second are taken, as on the real venue
        best = await exchange.watch_bids_asks([BTC])
        assert best[BTC]["bid"] < best[BTC]["ask"]

    run(closing(ccxt_pro(busy_venue), scenario))


def test_orders_fills_and_balances_as_they_happen(venue):
    maker, rest = ccxt_maker(venue), ccxt_binance(venue)
    quote(maker)

    async def scenario(exchange):
        reports = []
        handle = exchange.handle_message

        def tap(client, message):
            event = message.get("event") if isinstance(message, dict) else None
            if event:
                reports.append(event)
            return handle(client, message)

        exchange.handle_message = tap
        watching = asyncio.create_task(exchange.watch_orders(BTC))
        balance = asyncio.create_task(exchange.watch_balance())
        trading = asyncio.create_task(exchange.watch_my_trades(BTC))
        while not exchange.clients or not any(
            "ws-api" in url and client.subscriptions for url, client in exchange.clients.items()
        ):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        await exchange.create_order_ws(BTC, "limit", "buy", 0.1, 60_010, {"clientOrderId": "w-1"})
        orders = await watching
        assert orders[-1]["clientOrderId"] == "w-1"
        assert (await balance)["USDT"]["total"] < 10_000
        resting = await exchange.create_order_ws(BTC, "limit", "buy", 0.05, 59_000)
        canceled = await exchange.cancel_order_ws(resting["id"], BTC)
        assert canceled["status"] == "canceled"
        fills = await trading
        assert (fills[-1]["amount"], fills[-1]["price"]) == (0.1, 60_010.0)
        over_ws = await exchange.fetch_balance_ws()
        # The client reads this answer as a swap account's; what came is compared instead.
        assert over_ws["info"]["balances"] == rest.fetch_balance()["info"]["balances"]
        await asyncio.sleep(0.3)

        kinds = [(r["x"], r["X"], r["C"] or r["c"]) for r in reports if r["e"] == "executionReport"]
        assert kinds[:2] == [("NEW", "NEW", "w-1"), ("TRADE", "FILLED", "w-1")]
        assert kinds[2][:2] == ("NEW", "NEW") and kinds[3][:2] == ("CANCELED", "CANCELED")
        assert kinds[2][2] == kinds[3][2], "a cancel names the order in C"
        last = {b["a"]: b for r in reports if r["e"] == "outboundAccountPosition" for b in r["B"]}
        truth = rest.fetch_balance()
        for asset in ("BTC", "USDT"):
            assert float(last[asset]["f"]) == truth[asset]["free"]
        ids = [r["I"] for r in reports if r["e"] == "executionReport"]
        assert ids == sorted(set(ids))

    run(closing(ccxt_pro(venue), scenario))


def test_errors_over_the_websocket_api_have_types(venue):
    quote(ccxt_maker(venue))

    async def scenario(exchange):
        for changes, error in [
            ((5, 59_000, {}), ccxt.InsufficientFunds),
            ((0.1, 60_010, {"postOnly": True}), ccxt.OrderImmediatelyFillable),
        ]:
            qty, price, params = changes
            try:
                await exchange.create_order_ws(BTC, "limit", "buy", qty, price, params)
            except error:
                continue
            raise AssertionError(f"{changes} was taken")
        try:
            await exchange.cancel_order_ws("99999", BTC)
            raise AssertionError("an order that is not there was canceled")
        except ccxt.OrderNotFound:
            pass

    run(closing(ccxt_pro(venue), scenario))
