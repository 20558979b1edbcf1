"""Charts of a run, drawn with Matplotlib: `charts` lists them, `overlay` draws several runs in one chart.

The chart modules say what is drawn; `drawing` and `caption` hold what charts share; `sheet`, `layout`, `ticks` and `page_size`
place it on a picture of a given size without cut or overlapping text. Pure but for the files that `charts` writes.
"""
