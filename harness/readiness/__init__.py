"""Is a project ready for ASGI: what was read of it, judged. Pure: facts in, findings out."""
