"""Why a Django project spends what it spends: thread switches, waits, loop lag, counted around its own application.

    PROBE_APPLICATION=config.asgi:application PROBE_FOLDER=/tmp/counts uvicorn probe.asgi:application

Works on any Django project and knows nothing of the benchmark. Counts only; nothing of what it wraps behaves differently.
"""
