"""Pictures: functions that return a matplotlib figure, and ``save``."""

import lazy_loader

# What is here is imported when it is first asked for; __init__.pyi says from where.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
