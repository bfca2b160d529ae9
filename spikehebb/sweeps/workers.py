"""Where the cells of a sweep run: in this process, in processes of this machine, or on a Dask scheduler."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from spikehebb.sweeps.cell import Order, difference, do, maker

SLURM = "slurm"
_ANSWER = 10  # seconds in which a scheduler must answer
_WORKERS = 60  # seconds in which one must have a worker; of a batch system, any time
_DEATHS = 10  # workers that may die with a cell before it counts as failed
_MISSING = "this needs the extra sweep: pip install 'spikehebb[sweep]'"

Done = Callable[[int, str], None]  # the number of a cell, and why it failed
Moved = Callable[[int, float], None]  # the number of a cell, and how far it is


@contextmanager
def crew(out: Path, workers: int, dask: str | None) -> Iterator[Callable[[Sequence[Order], Done, Moved], None]]:
    """Give what does cells: this process, others of this machine, or the workers of a scheduler; see ``scheduler``."""
    if workers == 1 and dask is None:
        yield in_turn
        return
    try:
        with scheduler(out, workers, dask) as client:
            yield partial(on_workers, client)
    except Exception as error:  # of closing what Ctrl-C had ended: that is what it was
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__context__
        if cause is not None:
            raise KeyboardInterrupt(*cause.args) from error
        raise


def in_turn(orders: Sequence[Order], done: Done, moved: Moved) -> None:
    """Do cells one after the other in this process."""
    for number, order in enumerate(orders):
        done(number, do(order, partial(moved, number)))


@contextmanager
def scheduler(out: Path, workers: int, dask: str | None) -> Iterator[Any]:
    """Give a client of a Dask scheduler that was asked whether its workers can do the cells.

    Parameters
    ----------
    out : path
        The folder of the sweep, which every worker must see.
    workers : int
        How many, of processes of this machine or of a batch system.
    dask : str, optional
        The address of a scheduler, or ``slurm``; processes of this machine when left out.

    Raises
    ------
    RuntimeError
        If the extra is missing.
    ConnectionError
        If the scheduler does not answer or has no workers.
    ValueError
        If workers have other versions, several threads, or do not see the folder.
    """
    try:
        import dask as config
        import distributed
    except ImportError as error:
        raise RuntimeError(f"{_MISSING}. Or let cells run one after another, with one worker.") from error
    own = {"distributed.scheduler.allowed-failures": _DEATHS, "distributed.comm.timeouts.connect": f"{_ANSWER}s"}
    with ExitStack() as opened:
        opened.enter_context(config.config.set(own))
        if dask is None:
            cluster = opened.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,  # the system's own limits hold
                    dashboard_address=":0",  # of several sweeps each has its own
                    silence_logs="CRITICAL",  # of workers that die
                )
            )
        else:
            cluster = opened.enter_context(_slurm(workers)) if dask == SLURM else dask
        try:
            client = opened.enter_context(distributed.Client(cluster, timeout=_ANSWER, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectionError(
                f"no Dask scheduler answers at {dask} within {_ANSWER} s ({type(error).__name__}); start one with "
                "'dask scheduler', check the address, or leave --dask out."
            ) from error
        if dask is None:
            client.register_plugin(_ignoring_ctrl_c(distributed.WorkerPlugin))
        _check(client, out, dask)
        yield client


def on_workers(client: Any, orders: Sequence[Order], done: Done, moved: Moved) -> None:
    """Do cells on the workers of a scheduler; one that dies with a cell is replaced by another, which goes on."""
    import distributed

    topic = f"spikehebb-{uuid.uuid4().hex}"
    client.subscribe_topic(topic, lambda event: moved(*event[1]))
    futures = {
        client.submit(_on_worker, number, order, topic, key=f"{topic}-{number}", pure=False, priority=-number): number
        for number, order in enumerate(orders)
    }
    try:
        for future in distributed.as_completed(futures, loop=client.loop):
            try:
                reason = future.result()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                if isinstance(error, distributed.KilledWorker):
                    reason = "every worker that did it died, or was killed; was there enough memory?"
            done(futures[future], reason)
    finally:
        client.cancel(list(futures))
        client.unsubscribe_topic(topic)


def _on_worker(number: int, order: Order, topic: str) -> str:
    """Do a cell in a worker, and tell the scheduler how far it is."""
    import distributed

    worker = distributed.get_worker()
    return do(order, lambda fraction: worker.log_event(topic, (number, fraction)))


def _check(client: Any, out: Path, dask: str | None) -> None:
    """Raise an error unless the workers are there, see the folder, have one thread and the same versions."""
    mark = out / f".seen-{uuid.uuid4().hex}"
    mark.touch()
    try:
        wait = None if dask == SLURM else _WORKERS
        try:
            client.submit(os.getpid, pure=False).result(timeout=wait)
        except TimeoutError as error:
            raise ConnectionError(
                f"the Dask scheduler at {dask} has no worker that answers within {wait} s; start some with "
                f"'dask worker {dask} --nthreads 1'."
            ) from error
        threads = client.nthreads()
        try:
            seen: Mapping[str, tuple[bool, Mapping[str, str]]] = client.run(_facts, str(mark))
        except Exception as error:
            raise ValueError(
                f"a worker of {dask} cannot run this toolkit ({type(error).__name__}: {error}); install the same "
                "version of spikehebb there."
            ) from error
    finally:
        mark.unlink(missing_ok=True)
    for worker, (there, versions) in seen.items():
        if other := difference(versions, maker()):
            raise ValueError(f"the worker {worker} has {other}; give all workers the same versions.")
        if not there:
            raise ValueError(
                f"the worker {worker} does not see {out}; give a folder that all machines share with --out."
            )
        if threads.get(worker, 1) != 1:
            raise ValueError(
                f"the worker {worker} has {threads[worker]} threads, but a process does one cell at a time; start "
                "workers with --nthreads 1."
            )


def _facts(mark: str) -> tuple[bool, Mapping[str, str]]:
    """Return of a worker whether it sees a file, and its versions."""
    return Path(mark).exists(), maker()


def _slurm(workers: int) -> Any:
    """Return a cluster whose workers are jobs of Slurm, as the user's jobqueue.yaml describes them."""
    try:
        from dask import config
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise RuntimeError(f"{_MISSING}.") from error
    memory = config.get("jobqueue.slurm.memory", None) or "4GB"
    cluster = SLURMCluster(cores=1, processes=1, memory=memory, scheduler_options={"dashboard_address": ":0"})
    cluster.scale(jobs=workers)
    return cluster


def _ignoring_ctrl_c(plugin: type) -> Any:
    """Return a plugin that leaves Ctrl-C to the process that began the sweep, which then ends its workers."""

    def setup(self: Any, worker: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    return type("IgnoringCtrlC", (plugin,), {"setup": setup, "name": "ignoring-ctrl-c"})()
