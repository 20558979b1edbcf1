"""Arms under `with`: started, proven, restarted, stopped."""
