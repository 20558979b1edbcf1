"""The harness. Read in pipeline order: scenario, plan, deployment, verify, load, resources, store | analysis …"""
