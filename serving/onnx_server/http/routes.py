"""The calls behind the paths."""

import functools

HEALTH = frozenset({"live", "ready", "ping"})
"""Which the metrics port answers too."""
OPEN = HEALTH | {"openapi"}
"""Calls that need no token."""


LONGEST = 256  # letters of a path that is kept: clients could fill the memory with longer ones


def route(path: str) -> tuple[str, str, str, str]:
    """Method, the name of the call in Rest, model and version; the name is empty where there is nothing."""
    return _kept(path) if len(path) <= LONGEST else _route(path)


def _route(path: str) -> tuple[str, str, str, str]:
    match path.strip("/").split("/"):
        case ["v2", "models", name, "infer"]:
            return "POST", "infer", name, ""
        case ["v2", "models", name, "versions", version, "infer"]:
            return "POST", "infer", name, version
        case ["predictions", name]:
            return "POST", "predict", name, ""
        case ["predictions", name, version]:
            return "POST", "predict", name, version
        case ["v2"]:
            return "GET", "server", "", ""
        case ["v2", "health", "live"]:
            return "GET", "live", "", ""
        case ["v2", "health", "ready"]:
            return "GET", "ready", "", ""
        case ["ping"]:
            return "GET", "ping", "", ""
        case ["openapi.json"]:
            return "GET", "openapi", "", ""
        case ["v2", "repository", "index"]:
            return "POST", "index", "", ""
        case ["v2", "models", "stats"]:
            return "GET", "statistics", "", ""
        case ["v2", "models", name, *rest]:
            version, rest = (rest[1], rest[2:]) if len(rest) > 1 and rest[0] == "versions" else ("", rest)
            calls = {"": "metadata", "ready": "model_ready", "config": "configuration", "stats": "statistics"}
            return "GET", calls.get("/".join(rest), ""), name, version
    return "", "", "", ""


_kept = functools.lru_cache(4096)(_route)
