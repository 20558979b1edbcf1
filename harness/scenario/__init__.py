"""The question: a scenario file in, a checked Scenario out."""
