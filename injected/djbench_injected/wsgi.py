"""`gunicorn djbench_injected.wsgi`."""

from djbench_injected.application import wsgi

application = wsgi()
