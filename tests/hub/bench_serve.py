# SPDX-License-Identifier: Apache-2.0
"""How fast xorb ranges are served, beside nginx on the same files: `python3 -m hub.bench_serve` (needs nginx and wrk).

The Hub must reach 0.7 of nginx for 1 MiB ranges on 8 connections, or it would be the bottleneck of the product's benchmarks.
Rounds are interleaved and medians compared; the exit code says whether the bar is met.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from . import forge, hashes
from .client import HubProcess
from .world import World

CHUNK = 65536
CHUNKS = 960
XORBS = 4
PER_RANGE = 16  # chunks: 1 MiB and their headers
CONNECTIONS = 8
SECONDS = 2
ROUNDS = 5
BAR = 0.7

NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log; user root;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path {dir}/a; proxy_temp_path {dir}/b;
fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""
LUA = """
local requests, i = {{}}, 0
init = function() for line in io.lines("{list}") do local path, range = line:match("(%S+) (%S+)")
  table.insert(requests, wrk.format("GET", path, {{["Range"] = "bytes=" .. range}})) end end
request = function() i = i % #requests + 1; return requests[i] end
"""


def make_xorbs(data_dir):
    """Store incompressible xorbs; returns their infos, signed paths and plain file paths."""
    world, infos = World(data_dir), []
    for _ in range(XORBS):
        raw, data = forge.xorb([os.urandom(CHUNK) for _ in range(CHUNKS)])
        world.xet.add_xorb(raw, data, ["bench"])
        infos.append(world.xet.xorb(raw))
    signed, plain = [], []
    for info in infos:
        for start in range(0, CHUNKS, PER_RANGE):
            first, last = info.byte_range(start, start + PER_RANGE)
            span, name = f"{first}-{last - 1}", hashes.to_text(info.hash)
            signed.append(world.signer.sign("", "GET", f"/xorbs/default/{name}", 3600, ranges=span) + f" {span}")
            plain.append(f"/{name[:2]}/{name} {span}")
    world.close()
    return signed, plain


def measure(url, list_path):
    """GB/s of one round."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(list=list_path))
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script.name, url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise RuntimeError(out)
    seconds, amount, unit = re.search(r"requests in ([\d.]+)s, ([\d.]+)([KMGT]?B) read", out).groups()
    return float(amount) * {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}[unit] / float(seconds) / 1e9


def wait_for(url):
    """Until a server answers at all."""
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(url)


def run(work):
    """Interleaved rounds: {"hub": [...], "nginx": [...]} in GB/s."""
    data = os.path.join(work, "data")
    lists = {}
    for name, lines in zip(("hub", "nginx"), make_xorbs(data)):
        lists[name] = os.path.join(work, name)
        with open(lists[name], "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
    with HubProcess(data=data) as hub:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with open(os.path.join(work, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(NGINX.format(dir=work, port=port, root=os.path.join(data, "xorbs")))
        nginx = subprocess.Popen(["nginx", "-p", work, "-c", file.name], stderr=subprocess.DEVNULL)
        try:
            urls = {"hub": hub.urls["cdn"], "nginx": f"http://127.0.0.1:{port}"}
            wait_for(urls["nginx"])
            rates = {"hub": [], "nginx": []}
            for _ in range(ROUNDS):
                for name, url in urls.items():
                    rates[name].append(measure(url, lists[name]))
        finally:
            nginx.terminate()
            nginx.wait()
    return rates


def main():
    """Print the table as JSON; 1 when the bar is missed."""
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not installed (apt-get install nginx-light wrk)")
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as work:
        rates = run(work)
    median = {name: round(statistics.median(values), 3) for name, values in rates.items()}
    ratio = round(median["hub"] / median["nginx"], 3)
    print(json.dumps({"GB/s": median, "ratio": ratio, "bar": BAR}))
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
