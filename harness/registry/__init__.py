"""What can be asked for: servers, endpoints, metrics, kinds of load. Adding one is adding an entry here."""
