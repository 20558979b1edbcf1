"""RUN/report/report.html: one file that opens from disk and asks nothing of a network. An analysed run in, HTML text out. Pure.

answer.py, sentence.py and caution.py say what was found in words, charts.py and bars.py make what is drawn, facts.py tells
what was equal and how to do it again, and page.py puts it into template.html. Everything a scenario or a server said is escaped
there.
"""
