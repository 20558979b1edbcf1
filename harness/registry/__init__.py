"""Tables of what a scenario can use: servers, endpoints, metrics, kinds of load. Adding one is adding an entry here."""
