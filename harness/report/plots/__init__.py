"""Pictures of a run, drawn by Matplotlib: `charts` says which there are, `overlay` draws several runs over each other.

The chart modules say what is drawn, `drawing` and `caption` what charts have in common; `sheet`, `layout`, `ticks` and `paper`
bring it onto a picture of a given size with no word cut off or upon another. Pure but for the files that `charts` writes.
"""
