"""`uvicorn djbench_injected.asgi:application`."""

from djbench_injected.application import asgi

application = asgi()
