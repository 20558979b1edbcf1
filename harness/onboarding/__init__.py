"""From a Django project that nobody has measured to a scenario that can be run: every page tried, every guess explained."""
