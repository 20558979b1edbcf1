"""Draw a run's charts, or several runs over each other: `python plot_results.py [--compare] RUN… [--out DIR]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.analysis import analysis, frames
from harness.errors import EXIT_MENDABLE, UserError
from harness.report.plots import charts, overlay, page_size

EXAMPLES = """examples:
  python plot_results.py results/20261124T002304Z-default
  python plot_results.py results/20261124T002304Z-default --size talk --format svg png --out slides
  python plot_results.py --compare results/monday results/tuesday --out both
"""


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Draw a run's charts from its raw data.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a run folder under results/")
    parser.add_argument("--compare", action="store_true", help="draw two or more runs over each other")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to put them; default: report/ of the (last) run")
    parser.add_argument(
        "--size", choices=tuple(page_size.PAPERS), default="page", help="beside text, or 16:9 on a wall"
    )
    parser.add_argument("--format", choices=charts.KINDS, nargs="+", default=["png"], help="one or more; default: png")
    asked = parser.parse_args(given)
    if not asked.compare and len(asked.runs) > 1:
        parser.error(f"{len(asked.runs)} runs: draw one at a time, or all over each other with --compare")
    if asked.compare and len(asked.runs) < 2:
        parser.error("--compare: expected two runs or more, got 1")
    folder = asked.out or asked.runs[-1] / "report"
    size, kinds = page_size.PAPERS[asked.size], list(dict.fromkeys(asked.format))
    try:
        runs = [analysis.analyse(frames.open_run(run)) for run in asked.runs]
        drawn = overlay.drawn(runs, size) if asked.compare else charts.drawn(runs[0], size)
        folder.mkdir(parents=True, exist_ok=True)
        names = charts.save_pictures(drawn, folder, kinds, size)
    except UserError as error:
        print(f"plot_results: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    except OSError as error:
        why = error.strerror or error
        print(f"plot_results: {folder}: cannot be written: {why}; choose another folder with --out", file=sys.stderr)
        return EXIT_MENDABLE
    print("\n".join(str(folder / name) for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
