"""Closing a listening port without losing the connections in its backlog.

The kernel makes connections by itself and queues them until the server takes them; a listening socket that is closed
resets those that wait, whose requests may have been sent by then. So new connections are not
begun any more, the queue is served, and then there is nobody to reset.
"""

import ctypes
import socket
import struct
from contextlib import suppress

ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux, which Python does not name
UNACKED = 24  # where `struct tcp_info` has tcpi_unacked, for a listening socket the length of its queue


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("if_so", ctypes.c_ubyte), ("if_not", ctypes.c_ubyte), ("k", ctypes.c_uint))


# Classic BPF over the TCP header: drop what asks for a connection (SYN without ACK), keep the rest.
_NO_SYN = (_Instruction * 5)(
    _Instruction(0x30, 0, 0, 13),  # load the byte of the flags
    _Instruction(0x54, 0, 0, 0x12),  # of which ACK and SYN count
    _Instruction(0x15, 0, 1, 0x02),
    _Instruction(0x06, 0, 0, 0),
    _Instruction(0x06, 0, 0, 0xFFFFFFFF),
)


def shut(listener: socket.socket) -> None:
    """Begin no new connections; who asks for one is refused as soon as the socket is closed."""
    with suppress(OSError):  # a kernel without such filters, as of gVisor: the queue is served all the same
        program = struct.pack("HL", len(_NO_SYN), ctypes.addressof(_NO_SYN))
        listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)


def waiting(listener: socket.socket) -> int:
    """How many connections nobody has taken yet."""
    with suppress(OSError):
        information = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED + 4)
        return int(struct.unpack_from("I", information, UNACKED)[0])
    return 0
