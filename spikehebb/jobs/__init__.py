"""The jobs, as functions: windows and replays of a rule, learning digits, scoring what was learned."""

import lazy_loader

# What is here is imported when it is first asked for; __init__.pyi says from where.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
