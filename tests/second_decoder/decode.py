#!/usr/bin/env python3
"""A second decoder of the integers of an IEV stream, written from runtime/FORMAT.md alone.

    python3 decode.py STREAM              prints the digests of FORMAT.md §7.6 as JSON
    python3 decode.py STREAM --trace 12   prints the first modelled bits of the first network section

It reads the index, checks every checksum and every rule that needs no syntax of H.264 or AV1, and decodes networks,
grids, latents and cameras. Slow and plain on purpose: "§n" is where the text says what the code beside it does.
Standard library only.
"""

import argparse
import json
import sys

from fields import Malformed, crc32c
from grids import decode_grids, latent
from index import ANCHOR, AV1, CAMERAS, NETWORK, SCENE_GRIDS, read_stream
from network import decode_network
from sections import check_anchor, check_av1, check_cameras


def digests(stream):
    """Decodes and checks every section."""
    header, network_crc, grids_crc = stream.header, 0, 0
    scenes, gops = {}, {}
    for entry in stream.table:
        body = stream.section(entry)
        if entry.kind == ANCHOR:
            check_anchor(body, entry, header)
        elif entry.kind == AV1:
            check_av1(body, entry, header)
        elif entry.kind == CAMERAS:
            check_cameras(body, header)
        elif not header.implicit_views():
            continue
        elif entry.kind == NETWORK:
            network_crc = crc32c(decode_network(body, header.profile, stream.minor), network_crc)
        else:
            grids = decode_grids(body, entry, header)
            for grid in grids:
                grids_crc = crc32c(grid.digested(), grids_crc)
            if entry.kind == SCENE_GRIDS:
                scenes[entry.scene] = grids
            else:
                gops[entry.first_frame] = (entry, grids)
    latents_crc = latents_digest(scenes, [gops[first] for first in sorted(gops)], header)
    return {"network_crc32c": network_crc, "grids_crc32c": grids_crc, "latents_crc32c": latents_crc}


def latents_digest(scenes, gops, header):
    """§7.6: of some frames of every GOP."""
    crc = 0
    for entry, grids in gops:
        for t in (0, min(5, entry.frames - 1), entry.frames - 1):
            for v in range(header.implicit_views()):
                for cell_px in (16, 8):
                    crc = crc32c(latent(scenes[entry.scene] + grids, cell_px, t, v), crc)
    return crc


class TraceEnd(Exception):
    """Enough bits were printed."""


def print_trace(stream, count):
    """The table of §7.6: the state before each of the first modelled bits."""
    entry = next(e for e in stream.table if e.kind == NETWORK)
    pending = []

    def trace(contexts, b, p, decoder):
        pending.append((contexts, b, p, decoder.low, decoder.high, decoder.value))
        if len(pending) > 1:
            of, at, one, low, high, value = pending.pop(0)
            bit = int(value <= low + (((high - low) * one) >> 16))
            shown = str(of[0]) if len(set(of)) == 1 else ", ".join(map(str, of))
            print(f"| {shown} | {at} | {one} | `{low:08x}` | `{high:08x}` | `{value:08x}` | {bit} |")
            trace.printed += 1
        if trace.printed == count:
            raise TraceEnd

    trace.printed = 0
    try:
        decode_network(stream.section(entry), stream.header.profile, stream.minor, trace)
    except TraceEnd:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stream")
    parser.add_argument("--trace", type=int, metavar="BITS", help="print the first modelled bits of a network")
    options = parser.parse_args()
    try:
        with open(options.stream, "rb") as file:
            stream = read_stream(file.read())
        if options.trace:
            print_trace(stream, options.trace)
        else:
            print(json.dumps(digests(stream)))
    except (OSError, Malformed) as error:
        sys.exit(f"{options.stream}: {error}")


if __name__ == "__main__":
    main()
