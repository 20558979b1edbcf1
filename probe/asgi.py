"""The instrumented ASGI application: `PROBE_APPLICATION=config.asgi:application uvicorn probe.asgi:application`."""

from probe.application import asgi

application = asgi()
