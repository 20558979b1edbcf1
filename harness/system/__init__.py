"""This machine: processes, ports, cores, what the kernel counts."""
