"""The driver: reads frames, calls ranks, writes what they answer. It computes nothing and never imports torch.

Calls are handed to the ranks in the order in which they come, so that all ranks meet in the same collectives; waiting
for the answers happens beside. The first fault ends everything.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import ray

from . import PROTOCOL
from .faults import Fault, first_cause, weight
from .worker import Worker

# How long others are collected, among which the true cause may be, after a death, an exception, a lost connection:
# that a whole node died is known some seconds after its connections.
GATHERING_SECONDS = (0, 2, 4)
PING_SECONDS = 2


class Cluster:
    """N workers, each with a GPU or a share of the CPU."""

    def __init__(self, settings):
        self.world, self.timeout = settings["workers"], settings["timeoutSeconds"]
        device, address = settings["device"], settings["address"]
        # Without an address Ray would join a cluster that happens to run here.
        options = {"address": address or "local"}
        if not address:
            # A worker asks for one CPU; how many threads it computes with is said apart.
            cpus = max(os.cpu_count() or 1, self.world) if device == "cpu" else None
            options |= {"include_dashboard": False, "object_store_memory": 200 * 2**20, "num_cpus": cpus}
        ray.init(log_to_driver=True, logging_level="error", **options)
        self.world = self._placeable(device)
        needs = {"num_gpus": 1} if device == "cuda" else {"num_cpus": 1}
        threads = settings["threads"] or max(1, (os.cpu_count() or 1) // self.world)
        variables = {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        # Threads that wait for each other spin for µs, not ms, in which the other may not get a core that they keep busy.
        environment = {"env_vars": {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "5000"), **variables}}
        group = ray.util.placement_group([{"GPU": 1} if device == "cuda" else {"CPU": 1}] * self.world, "PACK")
        if not ray.wait([group.ready()], timeout=min(20, self.timeout))[0]:
            raise Fault(f"Others hold what {self.world} of the cluster's workers need.", "Wait until they end, or set fewer engine.workers.")
        remote = ray.remote(max_restarts=0, concurrency_groups={"health": 1, "files": 1})(Worker)
        strategy = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy
        self.ranks = [
            remote.options(runtime_env=environment, scheduling_strategy=strategy(group, rank), **needs).remote(rank, self.world, device)
            for rank in range(self.world)
        ]
        self.workers, self.fault, self.lock = [], None, threading.Lock()
        meeting = self.gather({0: self.ranks[0].address.remote()})[0]
        joined = self.gather({rank: each.join.remote(meeting, self.timeout) for rank, each in enumerate(self.ranks)})
        self.workers = [joined[rank] for rank in range(self.world)]

    def _placeable(self, device):
        """Ray waits without end for what a cluster does not have, so it is asked before."""
        kind = "GPU" if device == "cuda" else "CPU"
        there = int(ray.cluster_resources().get(kind, 0))
        wanted = self.world or (there if device == "cuda" else 1)
        if there >= wanted > 0:
            return wanted
        what = "no GPU" if there == 0 else f"{there} {kind}{'s' if there > 1 else ''}"
        raise Fault(
            f"The cluster has {what}, and engine.workers asks for {wanted or 'all'} on engine.device {device}.",
            "Set engine.device=cpu, fewer engine.workers, or join a larger cluster with RAY_ADDRESS.",
        )

    def submit(self, message, arrays):
        """Hands a call to one rank or to all, and returns what is waited for, by rank."""
        if self.fault is not None:
            raise self.fault
        to = range(self.world) if message["rank"] is None else [message["rank"]]
        shared = {name: array for name, array in arrays.items() if "|" not in name}
        refs = {}
        for rank in to:
            own = {name.split("|", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{rank}|")}
            said = {**message["said"], **message["each"][rank]} if message["each"] else message["said"]
            # Waiting for files does not keep others waiting.
            beside = {"concurrency_group": "files"} if message["call"] == "written" else {}
            refs[rank] = self.ranks[rank].run.options(**beside).remote(message["call"], said, {**shared, **own})
        return refs

    def gather(self, refs):
        """What each rank answered. Raises the first true cause, and kills every worker, where one failed."""
        ranks = {ref: rank for rank, ref in refs.items()}
        pending, answers, faults, until = list(ranks), {}, {}, float("inf")
        while pending:
            left = max(0.0, until - time.monotonic()) if faults else None
            done, pending = ray.wait(pending, timeout=left)
            if not done:
                break
            for ref in done:
                try:
                    answers[ranks[ref]] = ray.get(ref)
                except Exception as error:
                    # The log has the trace of each, the user is told of one.
                    print(error, file=sys.stderr, flush=True)
                    faults[ranks[ref]] = error
                    until = min(until, time.monotonic() + GATHERING_SECONDS[weight(error)])
        if faults:
            self.fail(first_cause(faults, self.workers))
            raise self.fault
        return answers

    def fail(self, fault):
        """Ends the engine for this reason, unless it ended before. Ranks that wait for the failed one must not stay."""
        with self.lock:
            if self.fault is not None:
                return
            self.fault = fault
        for each in self.ranks:
            ray.kill(each)
        for worker in self.workers:
            # One that is stopped does not hear Ray.
            if worker["node"] == os.uname().nodename:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(worker["pid"], signal.SIGKILL)

    def watch(self, on_fault):
        """Asks every worker whether it still runs: one that is stopped cannot answer."""
        heard = dict.fromkeys(range(self.world), time.monotonic())
        asked = {}
        while self.fault is None:
            for rank, each in enumerate(self.ranks):
                if rank not in asked:
                    asked[rank] = each.health.options(concurrency_group="health").remote()
            ready, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=PING_SECONDS)
            now = time.monotonic()
            for rank, ref in list(asked.items()):
                if ref in ready:
                    del asked[rank]
                    try:
                        ray.get(ref)
                        heard[rank] = now
                    except Exception as error:
                        # Its calls hear of it, too, and know more: they come first.
                        time.sleep(GATHERING_SECONDS[1] + 0.5)
                        self.fail(first_cause({rank: error}, self.workers))
                        return on_fault(self.fault)
                elif now - heard[rank] > self.timeout:
                    worker = self.workers[rank]
                    self.fail(
                        Fault(
                            f"Worker {rank} (process {worker['pid']} on {worker['node']}) has not answered for {self.timeout:g} s.",
                            "It hangs or was stopped. Raise engine.timeoutSeconds, or go on with --resume.",
                        )
                    )
                    return on_fault(self.fault)
            time.sleep(PING_SECONDS / 2)


def run(frames, writer):
    """Serves until the stream ends. `frames` is a function that gives the next one."""
    inbox = queue.Queue()

    def listen():
        # In a thread of its own: while the other waits for ranks, the end of the stream must still be seen.
        while (frame := frames()) is not None:
            inbox.put(frame)
        end()

    threading.Thread(target=listen, daemon=True).start()
    settings, _ = inbox.get()
    report = lambda fault: writer.write({"fault": str(fault), "hint": fault.hint})
    if settings["protocol"] != PROTOCOL:
        report(Fault(f"The environment speaks protocol {PROTOCOL}, earl {settings['protocol']}.", "Run `earl engine install` again."))
        return end()
    try:
        cluster = Cluster(settings)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        report(error if isinstance(error, Fault) else starting(error, settings["address"]))
        return end()
    writer.write({"hello": {"python": sys.version.split()[0], "ray": ray.__version__, "workers": cluster.workers}})
    threading.Thread(target=cluster.watch, args=(report,), daemon=True).start()
    waiters = ThreadPoolExecutor(max_workers=64)

    def answer(number, refs):
        try:
            found = cluster.gather(refs)
            arrays = {f"{rank}|{name}": array for rank, (_, own) in found.items() for name, array in own.items()}
            writer.write({"answer": number, "results": {rank: said for rank, (said, _) in found.items()}}, arrays)
        except Exception as error:
            report(error if isinstance(error, Fault) else Fault(f"The driver failed: {error}"))

    while True:
        message, arrays = inbox.get()
        try:
            refs = cluster.submit(message, arrays)
        except Exception as error:
            report(error if isinstance(error, Fault) else Fault(f"The driver failed: {error}"))
        else:
            waiters.submit(answer, message["number"], refs)


def starting(error, address):
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    cluster = f"cluster of RAY_ADDRESS={address} could not be joined" if address else "cluster could not be started"
    hint = "That cluster must run, with the same versions and the same token. " if address else ""
    return Fault(f"The Ray {cluster}: {words}", f"{hint}engine.log has the whole trace.")


def end():
    """Leaves no process behind: Ray's own first, then whatever is left of this process's group."""
    limit = threading.Timer(2.0, leave)
    limit.daemon = True
    limit.start()
    try:
        ray.shutdown()
    finally:
        leave()


def leave():
    os.killpg(os.getpgid(0), signal.SIGKILL) if os.getpgid(0) == os.getpid() else os._exit(0)
