"""Why a peer is missing from the table."""


class Unavailable(Exception):
    """A peer cannot be installed, started or measured; the text says in one line why."""
