"""Asks the LAN what the installer asks, on a host of a lab: `python surveyor.py RANGE` prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time

from pylb.addon.lan import Here
from pylb.core.ranges import parse

if __name__ == "__main__":
    here = Here(os.environ)
    machine = here.look()
    begin = time.monotonic()
    swept = here.ask(parse(sys.argv[1]))
    print(
        json.dumps(
            {
                "answers": {str(address): mac for address, mac in swept.answers.items()},
                "obstacle": swept.obstacle,
                "gateways": [str(one) for one in machine.gateways],
                "home": [str(own) for one in machine.interfaces for own in one.addresses],
                "seconds": round(time.monotonic() - begin, 3),
            }
        )
    )
