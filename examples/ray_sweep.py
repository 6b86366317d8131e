#!/usr/bin/env python3
"""A sweep on many machines: Ray runs `plimsoll sweep` on parts of the grid, and what comes out is put together.

    pip install ray
    examples/ray_sweep.py --data btc.parquet --agent ema-cross --param fast=5..50:5 --param slow=60..240:20 --by sharpe

Everything but the options of this script (--help) is passed on. Each run is alone with its data, so the rows are those
that one machine would have found; the order, the deflated Sharpe ratio and walking forward are reckoned over all of them,
as `plimsoll sweep` does. The binary and the files have to lie at the same places on every machine.
"""

import argparse
import json
import math
import subprocess
import sys
from decimal import Decimal

import ray

# More is better of each.
FIGURES = {
    "sharpe": lambda row: row["sharpe"],
    "total_return": lambda row: row["total_return"],
    "max_drawdown": lambda row: -row["max_drawdown"],
}
# Below this probability the best may well be luck.
SURE = 0.95


def values(text):
    """All values of a parameter, as `plimsoll sweep` reads them: FROM..TO:STEP, a list, or one."""
    if ".." not in text:
        return [value.strip() for value in text.split(",")]
    start, _, rest = text.partition("..")
    end, _, step = rest.partition(":")
    value, end, step = Decimal(start), Decimal(end), Decimal(step or "1")
    if step <= 0:
        raise SystemExit(f"--param …={text}: the step has to be above zero")
    found = []
    while value <= end:
        found.append(f"{value.normalize():f}")
        value += step
    return found


def parts(axes, count):
    """The grid in so many parts or fewer: the longest axis is cut, so that each part reads its data once."""
    longest = max(axes, key=lambda name: len(axes[name]))
    for number in range(min(count, len(axes[longest]))):
        yield {**axes, longest: axes[longest][number::count]}


def words(axes):
    return [word for name, given in axes.items() for word in ("--param", f"{name}={','.join(given)}")]


@ray.remote(num_cpus=1)
def sweep(binary, args):
    """One part, on one core of wherever there is one. An error is the binary's own words."""
    done = subprocess.run([binary, "sweep", *args, "--threads", "1", "--json"], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def normal(x):
    """The standard normal distribution, to seven digits: Abramowitz and Stegun, 26.2.17."""
    if x < 0:
        return 1 - normal(-x)
    t = 1 / (1 + 0.2316419 * x)
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return 1 - math.exp(-x * x / 2) / math.sqrt(2 * math.pi) * series


def quantile(probability):
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if normal(middle) < probability else (low, middle)
    return (low + high) / 2


def ratio(row):
    moments = row["moments"]
    return moments["mean"] / moments["deviation"] if moments["deviation"] > 0 else 0.0


def luck(rows):
    """The deflated Sharpe ratio of the best, and the ratio of a year that the best of as many without skill would show."""
    ratios, count = [ratio(row) for row in rows], len(rows)
    expected = 0.0
    if count > 1:
        mean = sum(ratios) / count
        deviation = math.sqrt(sum((one - mean) ** 2 for one in ratios) / (count - 1))
        euler = 0.5772156649015329
        expected = deviation * ((1 - euler) * quantile(1 - 1 / count) + euler * quantile(1 - 1 / (count * math.e)))
    best, own = rows[0]["moments"], ratio(rows[0])
    yearly = expected * rows[0]["sharpe"] / own if own else 0.0
    spread = 1 - best["skewness"] * own + (best["kurtosis"] - 1) / 4 * own * own
    if best["count"] < 3 or best["deviation"] <= 0 or spread <= 0:
        return None, yearly
    return normal((own - expected) * math.sqrt(best["count"] - 1) / math.sqrt(spread)), yearly


def forward(rows, by):
    """The best of each piece of the data on the next one; ties go to the combination that was named first."""
    folds = []
    for piece in range(1, min(len(row["pieces"]) for row in rows) if len(rows) > 1 else 0):
        best = max(rows, key=lambda row: order(FIGURES[by](row["pieces"][piece - 1])))
        folds.append(
            {
                "params": best["params"],
                "chosen_at": FIGURES[by](best["pieces"][piece - 1]),
                "came_to": FIGURES[by](best["pieces"][piece]),
                "total_return": best["pieces"][piece]["total_return"],
            }
        )
    return folds


def order(figure):
    """Numbers in the order that tells a negative zero from a positive one."""
    return figure, math.copysign(1, figure)


def merged(rows, axes, by):
    """What `plimsoll sweep --json` would say of all rows together."""

    def place(row):
        return [axes[name].index(row["params"][name]) for name in axes]

    rows = sorted(rows, key=place)
    folds = forward(rows, by)
    rows.sort(key=lambda row: order(FIGURES[by](row)), reverse=True)
    deflated, yearly = luck(rows)
    return {
        "by": by,
        "runs": rows,
        "walk_forward": {"folds": folds, "total_return": math.prod(1 + fold["total_return"] for fold in folds) - 1},
        "deflated_sharpe": deflated,
        "sharpe_of_luck": yearly,
        "warnings": warnings(rows, folds, by, deflated, yearly),
    }


def warnings(rows, folds, by, deflated, yearly):
    said, count = [], len(rows)
    if count > 1 and deflated is None:
        said.append("too little happened to tell skill from luck")
    elif count > 1 and deflated < SURE:
        said.append(
            f"the best of {count} without any skill would show a Sharpe ratio of {yearly:.2f}; "
            f"that this one is better than luck has a probability of {deflated * 100:.0f} %"
        )
    if folds:
        chosen, came = (sum(fold[figure] for fold in folds) / len(folds) for figure in ("chosen_at", "came_to"))
        if came < chosen - abs(chosen) / 2:
            said.append(
                f"chosen on one piece of the data with a mean {by} of {chosen:.3f}, "
                f"it came to {came:.3f} on the next: the choice fits the past"
            )
    return said


def table(whole, top):
    names = list(whole["runs"][0]["params"])
    heads = f"{'return':>12} {'Sharpe':>8} {'drawdown':>12} {'fills':>8} {'fees':>12}"
    lines = ["".join(f"{name:>14} " for name in names) + heads]
    for row in whole["runs"][:top]:
        lines.append(
            "".join(f"{row['params'][name]:>14} " for name in names)
            + f"{row['total_return'] * 100:>11.3f}% {row['sharpe']:>8.2f} {row['max_drawdown'] * 100:>11.3f}% "
            + f"{row['fills']:>8} {row['fees_paid']:>12.2f}"
        )
    lines += ["", f"{len(whole['runs'])} combinations, best first by {whole['by']}"]
    if whole["walk_forward"]["folds"]:
        steps, total = len(whole["walk_forward"]["folds"]), whole["walk_forward"]["total_return"]
        lines.append(f"walked forward over {steps} pieces: {total * 100:.3f} %")
    if whole["deflated_sharpe"] is not None:
        lines.append(f"deflated Sharpe ratio of the best: {whole['deflated_sharpe']:.3f}")
    return "\n".join(lines + [f"warning: {warning}" for warning in whole["warnings"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--address", help="of a Ray cluster that runs; without it one is started on this machine")
    parser.add_argument("--cpus", type=int, help="cores of the one that is started; all of them when not given")
    parser.add_argument("--binary", default="plimsoll", help="where the program is, on every machine")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", help="as of plimsoll sweep")
    parser.add_argument("--by", default="sharpe", choices=FIGURES, help="what the best is best by")
    parser.add_argument("--top", type=int, default=10, help="rows of the table")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    args, rest = parser.parse_known_args()
    axes = {name.strip(): values(text) for name, _, text in (given.partition("=") for given in args.param)}
    if not axes:
        parser.error("no --param: there is nothing to sweep over")
    if args.address:
        ray.init(address=args.address, log_to_driver=False)
    else:
        ray.init(num_cpus=args.cpus, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    cores = int(ray.cluster_resources().get("CPU", 1))
    passed_on = [*rest, "--by", args.by]
    running = [sweep.remote(args.binary, passed_on + words(part)) for part in parts(axes, cores)]
    rows = []
    for code, out, err in ray.get(running):
        if code != 0:
            sys.stderr.write(err)
            return code
        rows += json.loads(out)["runs"]
    whole = merged(rows, axes, args.by)
    print(json.dumps(whole) if args.json else table(whole, args.top))
    return 0


if __name__ == "__main__":
    sys.exit(main())
