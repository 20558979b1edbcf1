"""Why a Django project spends what it spends: thread switches, waits, loop lag, counted around its own application.

Works on any Django project and knows nothing of the benchmark. Counts only; nothing of what it wraps behaves differently.
"""
