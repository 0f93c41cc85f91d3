"""`make bench`: every figure beside its target; exit code 1 if one is missed."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import calls, fan_out, imports, plan, stores

PARTS = {"calls": calls, "fan_out": fan_out, "stores": stores, "imports": imports}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS, "plan"], help="which parts to measure; all by default")
    wanted = parser.parse_args().parts or [*PARTS, "plan"]
    console = Console(width=None if sys.stdout.isatty() else 110)
    missed = _ratios([part for part in wanted if part in PARTS], console)
    missed += plan.print_table(console) if "plan" in wanted else 0
    return 1 if missed else 0


def _ratios(wanted: list[str], console: Console) -> int:
    """Measure, print every ratio beside its target, and return how many miss it."""
    if not wanted:
        return 0
    table = Table(title="Ratios measured in this run (smaller is better)")
    for heading in ("measured", "peer", "peer us", "ours us", "ratio", "target", ""):
        table.add_column(heading, justify="left" if heading in ("measured", "peer", "") else "right")
    missed = 0
    for part in wanted:
        for figure in PARTS[part].figures():
            missed += not figure.met
            table.add_row(
                figure.name,
                figure.peer,
                f"{figure.peer_us:,.1f}",
                f"{figure.ours_us:,.1f}",
                f"{figure.ratio:.2f}",
                "" if figure.target is None else f"≤ {figure.target:.2f}",
                "" if figure.target is None else "met" if figure.met else "MISSED",
            )
        table.add_section()
    console.print(table)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
