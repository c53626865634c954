# SPDX-License-Identifier: Apache-2.0
"""`python3 -m hub --data DIR --port P`: start a Hub; `python3 -m hub import FOLDER REPO`: fill one."""

import argparse
import asyncio
import json
import resource
import signal
import sys

from . import importer
from .server import Server
from .settings import Settings
from .world import World


def parse_arguments(argv):
    """Command line of the server."""
    parser = argparse.ArgumentParser(prog="hub", description="A local Hugging Face Hub for tests.")
    parser.add_argument("--data", required=True, help="folder that keeps everything; made when missing")
    parser.add_argument("--port", type=int, default=0, help="Hub at P, CAS P+1, CDN P+2, control P+3; 0: free ports")
    parser.add_argument("--latency-ms", type=float, default=0, help="before the first byte of every response")
    parser.add_argument("--bw-conn", type=int, default=0, help="bytes per second and connection")
    parser.add_argument("--bw-total", type=int, default=0, help="bytes per second in total")
    parser.add_argument("--no-grants", action="store_true", help="uploads by POST only")
    parser.add_argument("--v1-only", action="store_true", help="no /v2 routes at the CAS")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting, value as JSON")
    return parser.parse_args(argv)


def settings_of(args):
    """Settings from the command line."""
    settings = Settings(latency_ms=args.latency_ms, bw_conn=args.bw_conn, bw_total=args.bw_total)
    settings.change({"grants": not args.no_grants, "v1_only": args.v1_only})
    for item in args.set:
        name, _, value = item.partition("=")
        settings.change({name: json.loads(value)})
    return settings


async def run(args):
    """Serve until SIGTERM or SIGINT."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    world = World(args.data, settings_of(args))
    server = Server(world)
    urls = server.listen(args.port)
    server.start()
    print(json.dumps(urls), flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    server.stop()
    world.close()


def main():
    """Entry point."""
    if sys.argv[1:2] == ["import"]:
        return importer.main(sys.argv[2:])
    asyncio.run(run(parse_arguments(sys.argv[1:])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
