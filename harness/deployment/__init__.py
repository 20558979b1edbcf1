"""Arms under `with`: started, verified, restarted, stopped."""
