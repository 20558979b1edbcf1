"""The harness, in pipeline order: scenario, plan, services, deployment, load, measure, storage, analysis, verdicts, report."""
