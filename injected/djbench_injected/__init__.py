"""What runs inside a measured process, around any Django project, which knows nothing of it.

    DJBENCH_APPLICATION=config.asgi python -m djbench_injected.launch uvicorn djbench_injected.asgi:application

It is told what to do by variables, all called DJBENCH_…: application.py names them. Standard library and Django only, from Python
3.10 and Django 3.0 on; knows nothing of the harness. What it wraps behaves as before.
"""
