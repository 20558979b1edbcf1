"""A view that streams events."""

from support.scenarios import TINY

SSE = (
    TINY.split("[[endpoints]]")[0]
    + """
[[endpoints]]
name = "hello"
users = [4]

[[endpoints]]
name = "sse"
query = { ms = 40, every = 10 }
users = [8]

[[claims]]
text = "the first message comes after one interval"
endpoint = "sse ms=40 every=10"
arm = "async"
metric = "first"
at_most = "12ms"

[[claims]]
text = "all eight are served at once"
endpoint = "sse ms=40 every=10"
arm = "async"
metric = "streams"
at_least = "8"

[[claims]]
text = "a quarter of the threads is enough"
endpoint = "sse ms=40 every=10"
arm = "sync"
metric = "streams"
at_least = "8"
"""
)
