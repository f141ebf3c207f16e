"""Room that clients share: so much for all, so much for each, and no client takes what another would need.

A client may have no more than is still free (Choudhury, Hahne: Dynamic Queue Length Thresholds for Shared-Memory Packet
Switches, IEEE/ACM Transactions on Networking 6, 1998). So whatever a few of them hold, there is some left for the next.
"""


class Shares:
    """Of whatever it counts. The last that is taken may go beyond, if it is large."""

    def __init__(self, most: int, most_of_client: int) -> None:
        self.most, self.most_of_client = most, most_of_client
        self.taken = 0
        self.held: dict[str, int] = {}
        """By client; of none that holds nothing. Those without a name share all of it."""

    @property
    def is_full(self) -> bool:
        return self.taken >= self.most

    def has_room(self, client: str) -> bool:
        free = self.most - self.taken
        return free > 0 and (not client or self.held.get(client, 0) < min(self.most_of_client, free))

    def take(self, client: str, size: int = 1) -> bool:
        """Whether there was room."""
        if not self.has_room(client):
            return False
        self.taken += size
        self.held[client] = self.held.get(client, 0) + size
        return True

    def give_back(self, client: str, size: int = 1) -> None:
        self.taken -= size
        if left := self.held[client] - size:
            self.held[client] = left
        else:
            del self.held[client]
