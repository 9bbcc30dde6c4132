"""Prints the Unix time of each nftables transaction in this network namespace, after an empty line once it listens.

`python -I -S _commits.py`, as root of a lab's host. Imports nothing of pylb, so it starts within 30 ms.
"""

from __future__ import annotations

import errno
import socket
import struct
import time

NETLINK_NETFILTER = 12  # linux/netlink.h
GROUP = 1 << 6  # NFNLGRP_NFTABLES, linux/netfilter/nfnetlink.h
NEW_GENERATION = 10 << 8 | 15  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN: the end of a transaction
RECEIVE, BUFFER = 1 << 16, 1 << 22  # bytes
HEADER = struct.Struct("=IH")  # of nlmsghdr: length and type


def is_commit(data: bytes) -> bool:
    """Whether a transaction ends in these netlink messages."""
    while len(data) >= 16:
        length, kind = HEADER.unpack_from(data)
        if kind == NEW_GENERATION:
            return True
        if not 16 <= length <= len(data):
            return False
        data = data[(length + 3) & ~3 :]
    return False


def main() -> None:
    """Listen until killed."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        link.bind((0, GROUP))
        print(flush=True)
        while True:
            try:
                data = link.recv(RECEIVE)
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # some were lost: the next one counts
                    raise
                continue
            if is_commit(data):
                print(time.time(), flush=True)


if __name__ == "__main__":
    main()
