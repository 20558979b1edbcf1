"""report.html of a run: one self-contained file. An analysed run in, HTML text out. Pure.

answer_table.py, pair_sentences.py and caveats.py give the results in words; line_charts.py and bar_rows.py the charts
as data, which svg.py draws; facts.py conditions and commands; glossary.py the terms. page_content.py collects all of it,
and page.py embeds it in template.html, where everything that comes from a scenario or a server is escaped.
"""
