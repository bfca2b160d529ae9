"""Sweeps: one job over grids, lists and seeds, on the cores of one machine or on a Dask cluster."""

from spikehebb.sweeps.plan import Cell as Cell
from spikehebb.sweeps.plan import Plan as Plan
from spikehebb.sweeps.plan import read_plan as read_plan
from spikehebb.sweeps.sweep import sweep as sweep
