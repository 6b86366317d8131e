#!/usr/bin/env python3
"""An agent in another language: one post-only bid a little below the best one, renewed every two
seconds. Nothing but the standard library; see docs/agent-protocol.md.

    [agent.simple]
    venue = "sim"
    command = ["python3", "examples/simple_agent.py"]
    params = { qty = "0.001" }
"""

import json
import sys

NANOS = 1_000_000_000


def say(kind, body):
    print(json.dumps({kind: body}), flush=True)


def main():
    hello = json.loads(sys.stdin.readline())["hello"]
    instrument = hello["instruments"][0]
    decimals = len(instrument["tick"].partition(".")[2])
    qty = hello["params"].get("qty", "0.001")
    number = hello["next_intent"]
    trading = hello["trading"] == "active"
    bids, order, placed_at = {}, None, 0
    say("ready", {"version": 1, "strategy": "simple example"})

    for line in sys.stdin:
        kind, body = next(iter(json.loads(line).items()))
        if kind == "stop":
            return
        if kind == "market" and "book" in body["event"]["kind"]:
            book = body["event"]["kind"]["book"]
            if book["snapshot"]:
                bids.clear()
            for level in book["levels"]:
                if level["side"] == "buy":
                    bids[level["price"]] = level["qty"]
                    if level["qty"] == 0:
                        del bids[level["price"]]
        elif kind == "market" and body["event"]["kind"] == "book_lost":
            bids.clear()
        elif kind == "agent":
            event = body["event"]
            if "trading" in event:
                trading = event["trading"]["state"] == "active"
            elif "order" in event and event["order"]["intent"] == order:
                if isinstance(event["order"]["state"], dict):  # {"done": "filled"}
                    order = None
            elif "refused" in event and event["refused"]["intent"] == order:
                order = None

        due = body["now"] - placed_at > 2 * NANOS
        if trading and bids and due:
            placed_at = body["now"]
            if order is not None:
                say("intent", {"id": number, "action": {"cancel": order}, "reason": "renew"})
            else:
                # Prices in market data are counts of the last digit of the tick.
                price = max(bids) - 1
                text = f"{price // 10**decimals}.{price % 10**decimals:0{decimals}}"
                spec = {
                    "instrument": instrument["id"], "side": "buy", "qty": qty,
                    "kind": {"type": "limit", "price": text},
                    "time_in_force": "gtc", "post_only": True,
                }
                order = number
                say("intent", {"id": number, "action": {"place": spec}, "reason": f"bid at {text}"})
            number += 1
        say("handled", {"seq": body["seq"]})


if __name__ == "__main__":
    main()
