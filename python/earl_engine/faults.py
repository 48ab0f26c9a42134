"""Which of several faults was the first cause: a death comes before an exception, and both before the connections that
other ranks lose because of it."""

import ray

LOST = ("Connection reset", "Connection closed", "Socket closed", "Broken pipe", "Connection refused")


class Fault(Exception):
    """What ended the engine, for its user; `hint` says what to do about it."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint


def first_cause(faults, workers):
    """`faults`: exceptions by rank, at least one; `workers`: what each rank said when it joined, if it did."""
    rank, fault = min(sorted(faults.items()), key=lambda entry: weight(entry[1]))
    about = f"Worker {rank}"
    if rank < len(workers):
        about += f" (process {workers[rank]['pid']} on {workers[rank]['node']})"
    if is_death(fault):
        # Of a process that ended, its node tells; of a node that is gone, nobody does.
        is_far = isinstance(fault, ray.exceptions.ActorUnavailableError) or "node has died" in str(fault)
        how = "cannot be reached: its node died, or the network to it" if is_far else "died: it was killed, or ran out of memory"
        return Fault(f"{about} {how}.", "Its last words are in engine.log. Go on from the last checkpoint with --resume.")
    cause = getattr(fault, "cause", None) or fault
    if "Timed out" in str(cause) or "timeout" in str(cause).lower():
        return Fault(
            f"{about} waited for the others in vain: {first_line(cause)}",
            "A worker hangs or is very slow: engine.log says which. Raise engine.timeoutSeconds, or go on with --resume.",
        )
    if "creation task" in str(cause):
        return Fault(f"{about} could not be set up: {str(cause).strip().splitlines()[-1]}", "engine.log has the whole trace.")
    return Fault(f"{about} failed: {type(cause).__name__}: {first_line(cause)}", "The whole trace is in engine.log.")


def weight(fault):
    """0 for a death, 1 for an exception, 2 for a lost connection."""
    if is_death(fault):
        return 0
    return 2 if any(words in str(fault) for words in LOST) else 1


def is_death(fault):
    errors = ray.exceptions
    # A worker that could not be set up raised something, which Ray reports as a death.
    return "creation task" not in str(fault) and isinstance(fault, (errors.ActorDiedError, errors.ActorUnavailableError, errors.NodeDiedError))


def first_line(fault):
    return next((line for line in str(fault).splitlines() if line.strip()), "no message")[:500]
