"""`djbench` without calibration and pictures: python tests/support/programs/light.py VERB …"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[2])]

from support.light import lighten

from harness import cli

if __name__ == "__main__":
    lighten()
    cli.main()
