"""How a worker on a cluster ended, in few words."""

import re

import ray

NODE_LOST = "its node was lost"


def describe_actor_error(error: Exception) -> str:
    """Return in few words how a worker ended, from the page that Ray writes of it."""
    words = str(error)
    if "NODE_OUT_OF_MEMORY" in words:
        return "Ray ended it: its node was short of memory"
    if any(said in words for said in ("node has died", "node was dead", "node died")):
        return NODE_LOST
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "its node cannot be reached"
    found = re.search(r"Worker exit detail: ([^.]+)\.", words)
    if found:
        return "it crashed or was killed, perhaps out of memory"
    last = [line for line in words.splitlines() if line.strip()]
    return " ".join(last[-1].split())[:300] if last else type(error).__name__
