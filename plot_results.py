#!/usr/bin/env python
"""Draw a run's charts: `python plot_results.py RUN [--out DIR] [--format png|svg|pdf]`."""

import argparse
import sys
from pathlib import Path

from harness import analysis, frames, plots
from harness.errors import EXIT_MENDABLE, UserError


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw a run's charts from its raw data.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder under results/")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to put them; default: RUN/report")
    parser.add_argument("--format", choices=("png", "svg", "pdf"), default="png")
    asked = parser.parse_args()
    folder = asked.out or asked.run / "report"
    try:
        analysed = analysis.analyse(frames.open_run(asked.run))
        folder.mkdir(parents=True, exist_ok=True)
        names = plots.save_all(analysed, folder, asked.format)
    except (UserError, OSError) as error:
        print(f"plot_results: {error}", file=sys.stderr)
        return EXIT_MENDABLE
    print("\n".join(str(folder / name) for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
