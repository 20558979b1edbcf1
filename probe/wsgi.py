"""The instrumented WSGI application: `PROBE_APPLICATION=config.wsgi:application gunicorn probe.wsgi`."""

from probe.application import wsgi

application = wsgi()
