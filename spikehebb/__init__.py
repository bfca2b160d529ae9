"""Local learning in spiking networks: STDP, Hebbian rules and soft winner-take-all circuits as Brian2 equations.

``import spikehebb as sh`` takes no time: what is here is imported when it is first asked for, and ``__init__.pyi`` says
from where.

Examples
--------
>>> import spikehebb as sh
>>> from brian2 import ms
>>> sh.window("stdp_pair", [-10, 10] * ms).dw.round(6).tolist()
[-0.003184, 0.003033]
"""

import lazy_loader

from spikehebb.brian2_import import tame

__version__ = "0.1.0"

tame()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
